package limiter

import (
	"sync"
	"sync/atomic"
	"testing"
)

func capsOf(t *testing.T, c ...Concurrency) *Set {
	t.Helper()
	set, err := New(Options{Concurrency: c})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// enter expects a place.
func enter(t *testing.T, places ...Place) (leave func()) {
	t.Helper()
	leave, full := Enter(places)
	if full != nil || leave == nil {
		t.Fatalf("refused by %+v", full)
	}
	return leave
}

func TestSoManyOfAKeyAreInFlight(t *testing.T) {
	set := capsOf(t, Concurrency{Name: "a", Key: "client", Max: 2, Enforce: true})
	a, b := Place{Cap: set.Cap("a"), Key: TextKey("a")}, Place{Cap: set.Cap("a"), Key: TextKey("b")}
	leave := enter(t, a)
	enter(t, a)
	if leave, full := Enter([]Place{a}); full == nil || full.Cap != a.Cap || !full.Full || leave != nil {
		t.Fatalf("a third entered: %+v", full)
	}
	enter(t, b)
	leave()
	leave() // gives nothing back that is another's
	enter(t, a)
	if _, full := Enter([]Place{a}); full == nil {
		t.Error("leaving twice gave two places")
	}
}

func TestAPlaceOfEachCapOrOfNone(t *testing.T) {
	set := capsOf(t, Concurrency{Name: "wide", Key: "client", Max: 2, Enforce: true}, Concurrency{Name: "narrow", Key: "all", Max: 1, Enforce: true})
	wide, narrow := Place{Cap: set.Cap("wide")}, Place{Cap: set.Cap("narrow")}
	leave := enter(t, wide, narrow)
	for range 5 {
		if _, full := Enter([]Place{wide, narrow}); full == nil || full.Cap != narrow.Cap {
			t.Fatalf("refused by %+v", full)
		}
	}
	leaveWide := enter(t, wide)
	leave()
	leaveWide()
	for _, c := range []*Cap{set.Cap("wide"), set.Cap("narrow")} {
		if c.InFlight(All) != 0 || len(c.counts.byKey) != 0 {
			t.Errorf("%s remembers %v", c.Concurrency().Name, c.counts.byKey)
		}
	}
}

func TestAShadowCapCountsAndTells(t *testing.T) {
	set := capsOf(t, Concurrency{Name: "a", Key: "client", Max: 1}, Concurrency{Name: "b", Key: "client", Max: 1, Enforce: true})
	var leaves []func()
	for i := range 3 {
		places := []Place{{Cap: set.Cap("a")}, {Cap: set.Cap("b"), Shadow: true}}
		leave, full := Enter(places)
		if full != nil || places[0].Full != (i > 0) || places[1].Full != (i > 0) {
			t.Fatalf("request %d: %+v", i, places)
		}
		leaves = append(leaves, leave)
	}
	if n := set.Cap("a").InFlight(All); n != 3 {
		t.Errorf("%d are in flight", n)
	}
	for _, leave := range leaves {
		leave()
	}
	if n := set.Cap("a").InFlight(All); n != 0 {
		t.Errorf("%d are left", n)
	}
}

func TestRequestsInFlightAreCountedOnInTheNextSet(t *testing.T) {
	old := capsOf(t, Concurrency{Name: "a", Key: "client", Max: 1, Enforce: true})
	leave := enter(t, Place{Cap: old.Cap("a")})
	next, err := old.Next(Options{Concurrency: []Concurrency{{Name: "a", Key: "client", Max: 2, Enforce: true}}})
	if err != nil {
		t.Fatal(err)
	}
	enter(t, Place{Cap: next.Cap("a")})
	if _, full := Enter([]Place{{Cap: next.Cap("a")}}); full == nil {
		t.Fatal("the request of the old set is not counted")
	}
	leave()
	enter(t, Place{Cap: next.Cap("a")})

	other, err := next.Next(Options{Concurrency: []Concurrency{{Name: "a", Key: "session", Max: 2, Enforce: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if n := other.Cap("a").InFlight(All); n != 0 {
		t.Errorf("%d requests are counted by another kind of key", n)
	}
}

func TestManyEnterAndLeave(t *testing.T) {
	set := capsOf(t, Concurrency{Name: "a", Key: "client", Max: 3, Enforce: true})
	keys := []Key{TextKey("a"), TextKey("b")}
	var inside [2]atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 500 {
				n := (i + j) % 2
				leave, full := Enter([]Place{{Cap: set.Cap("a"), Key: keys[n]}})
				if full != nil {
					continue
				}
				if now := inside[n].Add(1); now > 3 {
					t.Errorf("%d are in flight", now)
				}
				inside[n].Add(-1)
				leave()
			}
		})
	}
	all.Wait()
	if len(set.Cap("a").counts.byKey) != 0 {
		t.Errorf("left: %v", set.Cap("a").counts.byKey)
	}
}
