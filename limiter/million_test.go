package limiter

import (
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// heap is the memory in use, after what is not was collected.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a first cycle has only swept
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestAMillionClients has a flood of 1,000,000 clients go by a limit that knows
// 50,000 keys: 10,000/s of them, of the whole of IPv4, one request each.
func TestAMillionClients(t *testing.T) {
	const (
		clients, keys, perKey = 1000000, 50000, 220
		offenders             = 100
	)
	limit := Limit{Name: "per-client", Key: "client", Rate: 1, Burst: 5, Enforce: true}
	before := heap()
	set := localSet(t, keys, limit)
	asks := []Ask{{Limiter: set.Limiter("per-client")}}
	take := func(a netip.Addr, now time.Time) Decision {
		asks[0].Key = ClientKey(a)
		set.Take(t.Context(), now, asks)
		return asks[0].Decision
	}
	now := time.Unix(1800000000, 0)
	offender := func(i uint32) netip.Addr { return address(10<<24 + i<<8) }
	for i := range uint32(offenders) {
		for take(offender(i), now).Allowed {
		}
	}
	var passed int
	for i := range uint32(clients) {
		now = now.Add(100 * time.Microsecond)
		if d := take(address(11<<24+i*3643), now); !d.Allowed || d.ByNetwork {
			t.Fatalf("client %d, within its rate: %+v", i, d)
		}
		if i%5 == 0 && take(offender(i/5%offenders), now).Allowed { // each of them 20 times a second
			passed++
		}
	}
	// 100 seconds of one a second, each.
	if passed < 99*offenders || passed > 100*offenders {
		t.Errorf("%d requests of offenders passed, of %d", passed, clients/5)
	}
	stats := set.Limiter("per-client").Stats()
	if stats.Keys > keys || stats.ByNetwork != 0 {
		t.Errorf("%+v", stats)
	}
	if used := heap() - before; used > keys*perKey {
		t.Errorf("%d bytes for %d keys", used, stats.Keys)
	} else {
		t.Logf("%d bytes for %d keys, %.0f each", used, stats.Keys, float64(used)/float64(stats.Keys))
	}
	runtime.KeepAlive(set)
}

// TestAMillionClientsInAMoment is the same flood, but so fast that the table is
// full of clients in debt: it does not grow, offenders stay refused, who is known
// passes, and the flood is judged by its networks.
func TestAMillionClientsInAMoment(t *testing.T) {
	const clients, keys, perKey = 1000000, 20000, 220
	before := heap()
	set := localSet(t, keys, Limit{Name: "per-client", Key: "client", Rate: 1, Burst: 5, Enforce: true})
	asks := []Ask{{Limiter: set.Limiter("per-client")}}
	take := func(a netip.Addr, now time.Time) Decision {
		asks[0].Key = ClientKey(a)
		set.Take(t.Context(), now, asks)
		return asks[0].Decision
	}
	now := time.Unix(1800000000, 0)
	offender, good := address(10<<24), address(10<<24+1)
	for take(offender, now).Allowed {
	}
	take(good, now)
	var passed int
	for i := range uint32(clients) {
		now = now.Add(100 * time.Nanosecond)
		if take(address(11<<24+i), now).Allowed { // of 16 networks
			passed++
		}
		if i%1000 == 0 && take(offender, now).Allowed {
			t.Fatalf("the offender passed after %d clients", i)
		}
	}
	if d := take(good, now); !d.Allowed || d.ByNetwork {
		t.Errorf("who was known before: %+v", d)
	}
	// The table's, and of each network a burst.
	if most := keys + 16*5; passed > most || passed < keys {
		t.Errorf("%d passed, want at most %d", passed, most)
	}
	stats := set.Limiter("per-client").Stats()
	if stats.Keys != keys || stats.ByNetwork != clients-keys+2 || stats.Networks != 16 {
		t.Errorf("%+v", stats)
	}
	if used := heap() - before; used > keys*perKey {
		t.Errorf("%d bytes for %d keys", used, stats.Keys)
	}
	runtime.KeepAlive(set)
}
