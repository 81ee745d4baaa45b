package limiter

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// bucketModel is a bucket in whole nanoseconds: GCRA as virtual scheduling.
type bucketModel struct {
	interval, capacity int64
	full               int64 // when it is full again
}

func (m *bucketModel) take(now int64) (allowed bool, wait, reset int64) {
	full := max(m.full, now)
	if wait = full + m.interval - now - m.capacity; wait > 0 {
		return false, wait, full - now
	}
	m.full = full + m.interval
	return true, 0, m.full - now
}

func (m *bucketModel) giveBack() { m.full -= m.interval }

// walkBucket takes from one bucket at the times that steps give, and holds each
// decision to the model.
func walkBucket(t *testing.T, interval time.Duration, burst int, steps []byte) {
	t.Helper()
	l := newLocal(Limit{Rate: every(interval), Burst: burst}, 1)
	model := bucketModel{interval: int64(interval), capacity: int64(interval) * int64(burst)}
	begun := time.Unix(1800000000, 0)
	var now int64
	for i := 0; i+1 < len(steps); i += 2 {
		// Quarters of an interval, so that many fall on the edge.
		now += int64(steps[i]%32) * int64(interval) / 4
		at := begun.Add(time.Duration(now))
		allowed, wait, reset := model.take(now)
		d := l.take(All, at)
		if d.Allowed != allowed || !near(d.RetryAfter, wait) || !near(d.Reset, reset) {
			t.Fatalf("step %d: %+v, the model says %v, wait %d, reset %d", i/2, d, allowed, wait, reset)
		}
		most, edge := (model.capacity-reset)/model.interval, (model.capacity-reset)%model.interval
		if d.Remaining != int(most) && edge > 2 && edge < model.interval-2 {
			t.Fatalf("step %d: %+v, the model says %d remain", i/2, d, most)
		}
		if allowed && steps[i+1] < 64 {
			l.giveBack(All, false, at)
			model.giveBack()
		}
	}
}

// near allows for what floating point makes of nanoseconds, and for rounding up to
// a microsecond.
func near(d time.Duration, want int64) bool { return int64(d) >= want-2 && int64(d) < want+1002 }

func TestLocalBucketIsATokenBucket(t *testing.T) {
	random := rand.NewChaCha8([32]byte{2})
	for _, interval := range []time.Duration{time.Microsecond, 20 * time.Millisecond, time.Second / 3, time.Hour} {
		for _, burst := range []int{1, 2, 7, 200} {
			steps := make([]byte, 4000)
			random.Read(steps)
			walkBucket(t, interval, burst, steps)
		}
	}
}

func FuzzLocalBucket(f *testing.F) {
	f.Add(int64(time.Second), 3, []byte("abcdefgh"))
	f.Fuzz(func(t *testing.T, interval int64, burst int, steps []byte) {
		if interval < 1000 || interval > int64(time.Hour) || burst < 1 || burst > 1000 || len(steps) > 2000 {
			return
		}
		walkBucket(t, time.Duration(interval), burst, steps)
	})
}

func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

func TestTimeThatGoesBackStandsStill(t *testing.T) {
	l := newLocal(Limit{Rate: 1, Burst: 2}, 10)
	now := time.Unix(1800000000, 0)
	allowed := 0
	for i := range 100 {
		// To and fro by a minute, ten times a second: ten seconds in all.
		at := now.Add(time.Duration(i) * time.Second / 10)
		if l.take(All, at).Allowed {
			allowed++
		}
		if l.take(All, at.Add(-time.Minute)).Allowed {
			allowed++
		}
	}
	if allowed > 2+10 {
		t.Errorf("%d passed in ten seconds, of 1/s and a burst of 2", allowed)
	}
}

func TestAFullBucketMakesRoomAndADebtorKeepsItsPlace(t *testing.T) {
	const size = 100
	l := newLocal(Limit{Rate: 1, Burst: 5}, size)
	now := time.Unix(1800000000, 0)
	offender := ClientKey(address(1))
	for l.take(offender, now).Allowed {
	}
	// 10,000 others come, one every 20 ms: at any time 50 of them are in debt.
	for i := range uint32(10000) {
		now = now.Add(20 * time.Millisecond)
		if d := l.take(ClientKey(address(1000+i)), now); !d.Allowed || d.ByNetwork {
			t.Fatalf("client %d: %+v", i, d)
		}
		if i%50 == 49 { // a second has passed
			if first, second := l.take(offender, now), l.take(offender, now); !first.Allowed || second.Allowed {
				t.Fatalf("the offender, after %d others: %+v, %+v", i, first, second)
			}
		}
	}
	if keys, networks := l.known(); keys != size || networks != 0 {
		t.Errorf("%d keys and %d networks are known", keys, networks)
	}
}

func TestAFloodIsJudgedByItsNetwork(t *testing.T) {
	const size = 1000
	l := newLocal(Limit{Rate: 1, Burst: 3}, size)
	now := time.Unix(1800000000, 0)
	offender := ClientKey(netip.MustParseAddr("192.0.2.1"))
	for l.take(offender, now).Allowed {
	}
	for i := range uint32(size - 1) { // of 10.0.0.0/16
		if d := l.take(ClientKey(address(10<<24+i)), now); !d.Allowed || d.ByNetwork {
			t.Fatalf("client %d: %+v", i, d)
		}
	}
	var allowed int
	for i := range uint32(5000) { // the rest of the flood
		d := l.take(ClientKey(address(10<<24+size+i)), now)
		if !d.ByNetwork {
			t.Fatalf("client %d beyond the table: %+v", i, d)
		}
		if d.Allowed {
			allowed++
		}
	}
	if allowed != 3 {
		t.Errorf("%d of the flood passed beyond the table", allowed)
	}
	for _, other := range []string{"198.51.100.7", "2001:db8::1", "2001:db9::1"} {
		if d := l.take(ClientKey(netip.MustParseAddr(other)), now); !d.Allowed || !d.ByNetwork {
			t.Errorf("%s, of another network: %+v", other, d)
		}
	}
	if d := l.take(offender, now); d.Allowed || d.ByNetwork {
		t.Errorf("the offender from before: %+v", d)
	}
	if d := l.take(ClientKey(address(10<<24+5)), now); !d.Allowed || d.ByNetwork || d.Remaining != 1 {
		t.Errorf("a client of the flood who is known: %+v", d)
	}
	now = now.Add(4 * time.Second)
	if d := l.take(ClientKey(address(10<<24+size)), now); !d.Allowed || d.ByNetwork {
		t.Errorf("a client of the flood, after it: %+v", d)
	}
}

func TestBeyondAllNetworksOneBucketIsLeft(t *testing.T) {
	l := newLocal(Limit{Rate: 1, Burst: 2}, 0)
	now := time.Unix(1800000000, 0)
	for i := range uint32(maxNetworks) {
		if d := l.take(ClientKey(address(i<<16)), now); !d.Allowed {
			t.Fatalf("network %d: %+v", i, d)
		}
	}
	for i, want := range []bool{true, true, false} {
		k := ClientKey(netip.AddrFrom16([16]byte{0x20, byte(i)}))
		if d := l.take(k, now); d.Allowed != want || !d.ByNetwork {
			t.Fatalf("network %d without room: %+v", i, d)
		}
	}
	l.giveBack(ClientKey(netip.MustParseAddr("2000::")), true, now)
	if d := l.take(ClientKey(netip.MustParseAddr("2f00::")), now); !d.Allowed {
		t.Errorf("after one was given back: %+v", d)
	}
	if _, networks := l.known(); networks != maxNetworks {
		t.Errorf("%d networks are known", networks)
	}
}
