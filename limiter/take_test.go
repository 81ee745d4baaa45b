package limiter

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// localSet makes a set of limits that are enforced unless they are named as
// shadows.
func localSet(t *testing.T, keys int, limits ...Limit) *Set {
	t.Helper()
	set, err := New(Options{Limits: limits, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func hourly(name string, burst int, enforce bool) Limit {
	return Limit{Name: name, Key: "client", Rate: every(time.Hour), Burst: burst, Enforce: enforce}
}

func TestShadowTellsAndHoldsNobodyUp(t *testing.T) {
	now := time.Unix(1800000000, 0)
	set := localSet(t, 0, hourly("real", 5, true), hourly("shadow", 1, false))
	for i := range 7 {
		asks := []Ask{{Limiter: set.Limiter("real")}, {Limiter: set.Limiter("shadow")}, {Limiter: set.Limiter("real"), Key: TextKey("other"), Shadow: true}}
		passes := set.Take(t.Context(), now, asks)
		if passes != (i < 5) || asks[0].Refuses() != (i >= 5) || asks[0].WouldRefuse() {
			t.Fatalf("request %d passes: %v, %+v", i, passes, asks[0])
		}
		if asks[1].Refuses() || asks[1].WouldRefuse() != (i > 0) {
			t.Fatalf("request %d in the shadow: %+v", i, asks[1])
		}
		// The sixth and seventh are refused for another reason, and cost nothing here.
		if asks[2].Refuses() || asks[2].WouldRefuse() != (i >= 5) || asks[2].Decision.Remaining != max(4-i, 0) {
			t.Fatalf("request %d, itself a shadow: %+v", i, asks[2])
		}
	}
}

func TestLongestWaitIsTold(t *testing.T) {
	now := time.Unix(1800000000, 0)
	set := localSet(t, 0,
		Limit{Name: "second", Key: "client", Rate: 1, Burst: 1, Enforce: true},
		hourly("hour", 1, true),
		Limit{Name: "minute", Key: "client", Rate: 1.0 / 60, Burst: 1, Enforce: true},
		Limit{Name: "shadow", Key: "client", Rate: 1.0 / 100000, Burst: 1})
	ask := func() ([]Ask, bool) {
		asks := []Ask{{Limiter: set.Limiter("second")}, {Limiter: set.Limiter("hour")}, {Limiter: set.Limiter("minute")}, {Limiter: set.Limiter("shadow")}}
		return asks, set.Take(t.Context(), now, asks)
	}
	ask()
	asks, passes := ask()
	if r := Refusal(asks); passes || r == nil || r != &asks[1] || r.Decision.RetryAfter != time.Hour {
		t.Errorf("passes %v, refused by %+v", passes, r)
	}
}

func TestWhatANetworkWasChargedIsGivenBackToIt(t *testing.T) {
	now := time.Unix(1800000000, 0)
	set := localSet(t, 1, hourly("wide", 3, true), hourly("narrow", 1, true))
	wide, narrow := set.Limiter("wide"), set.Limiter("narrow")
	set.Take(t.Context(), now, []Ask{{Limiter: wide, Key: TextKey("first")}, {Limiter: narrow, Key: All}})
	for range 5 {
		asks := []Ask{{Limiter: wide, Key: ClientKey(address(1))}, {Limiter: narrow, Key: All}}
		if set.Take(t.Context(), now, asks) || !asks[0].Decision.ByNetwork || asks[0].Decision.Remaining != 3 {
			t.Fatalf("%+v", asks[0].Decision)
		}
	}
	if s := wide.Stats(); s.ByNetwork != 5 || s.Keys != 1 || s.Networks != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAFloodIsReportedNowAndThen(t *testing.T) {
	now := time.Unix(1800000000, 0)
	var said []uint64
	set, err := New(Options{
		Limits: []Limit{hourly("a", 1, true)}, Keys: 1,
		Events: Events{Crowded: func(limit string, n uint64) {
			if limit != "a" {
				t.Errorf("limit %q", limit)
			}
			said = append(said, n)
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint32(251) { // one each 100 ms, and the first has room
		set.Take(t.Context(), now, []Ask{{Limiter: set.Limiter("a"), Key: ClientKey(address(i))}})
		now = now.Add(100 * time.Millisecond)
	}
	if len(said) != 3 || said[0] != 1 || said[1] != 100 || said[2] != 100 {
		t.Errorf("%v were said", said)
	}
}

// TestManyGoroutines holds what they are let through, all together, to what
// the limits allow.
func TestManyGoroutines(t *testing.T) {
	onEachStage(t, func(t *testing.T, s stage) {
		set := s.set(t, Limit{Name: "a", Rate: every(long), Burst: 50}, Limit{Name: "b", Rate: every(long), Burst: 30})
		var passed, passedAlone atomic.Int64
		var all sync.WaitGroup
		now := s.now()
		for range 8 {
			all.Go(func() {
				for range 40 {
					if set.Take(t.Context(), now, []Ask{{Limiter: set.Limiter("a")}, {Limiter: set.Limiter("b")}}) {
						passed.Add(1)
					}
				}
			})
		}
		all.Wait()
		// Those that were refused have given back what they took from a.
		for set.Take(t.Context(), now, []Ask{{Limiter: set.Limiter("a")}}) {
			passedAlone.Add(1)
		}
		if passed.Load() != 30 || passedAlone.Load() != 20 {
			t.Errorf("%d passed both limits, and %d more the wide one", passed.Load(), passedAlone.Load())
		}
	})
}

func TestADecisionAllocatesNothing(t *testing.T) {
	set := localSet(t, 0, Limit{Name: "a", Key: "client", Rate: 1000, Burst: 10, Enforce: true}, hourly("b", 1, true))
	asks := []Ask{{Limiter: set.Limiter("a")}, {Limiter: set.Limiter("b")}}
	if n := testing.AllocsPerRun(1000, func() {
		set.Take(t.Context(), time.Now(), asks)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
