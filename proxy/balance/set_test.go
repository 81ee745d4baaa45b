package balance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/proxy/admission"
)

// listed is a server for a list that is set: of an address, with so many slots.
func listed(address string, slots int) *Server {
	s := NewServer(address, nil)
	s.MaxInFlight = slots
	return s
}

// departures notes which servers are told as gone.
type departures struct {
	mu  sync.Mutex
	who []*Server
}

func (d *departures) note(s *Server) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.who = append(d.who, s)
}

func (d *departures) want(t *testing.T, want ...*Server) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.who, want) {
		t.Fatalf("%d servers are gone, want %d", len(d.who), len(want))
	}
}

// Whatever makes room wakes those who wait for it, and as many as there is room for.
func TestWhoWaitsIsWokenByASetThatMakesRoom(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		list    []*Server
	}{
		"another server":    {Options{MaxInFlightPerClient: 1}, []*Server{listed("a", 1), listed("b", 1)}},
		"more slots":        {Options{MaxInFlightPerClient: 1}, []*Server{listed("a", 2)}},
		"no bound on slots": {Options{MaxInFlightPerClient: 1}, []*Server{listed("a", 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(Options{MaxInFlightPerClient: 1}, listed("a", 1))
				first, same := acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal)
				other := acquire(p, "b", admission.Normal)
				other.want(t, "waits")
				p.Set(c.options, c.list...)
				if state := other.state(); state != "a" && state != "b" {
					t.Fatalf("who has been waiting %s", state)
				}
				same.want(t, "waits") // its client has all that it may have
				p.Set(Options{}, listed("a", 0))
				same.want(t, "a")
				for _, w := range []*waiting{first, same, other} {
					w.slot.Leave()
				}
				wantRest(t, p)
			})
		})
	}
}

// Nobody is cut off for a lower bound, and nobody begins until the number is below.
func TestALowerBoundIsReachedAsRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{}, listed("a", 3))
		running := []*waiting{acquire(p, "a", admission.Normal), acquire(p, "b", admission.Normal), acquire(p, "c", admission.Normal)}
		next := acquire(p, "0", admission.Normal)
		p.Set(Options{}, listed("a", 1))
		for i, w := range running {
			next.want(t, "waits")
			if s := p.Status()[0]; s.InFlight != 3-i || s.MaxInFlight != 1 {
				t.Errorf("%d in flight of %d, want %d of 1", s.InFlight, s.MaxInFlight, 3-i)
			}
			w.slot.Leave()
		}
		next.want(t, "a")
		next.slot.Leave()
		wantRest(t, p)
	})
}

// What a client had before there was a bound counts in it.
func TestABoundOnClientsCountsWhatTheyHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{}, listed("a", 0))
		first, second := acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal)
		p.Set(Options{MaxInFlightPerClient: 2}, listed("a", 0))
		third := acquire(p, "a", admission.Normal)
		third.want(t, "waits")
		p.Set(Options{MaxInFlightPerClient: 1}, listed("a", 0))
		first.slot.Leave()
		third.want(t, "waits")
		second.slot.Leave()
		third.want(t, "a")
		third.slot.Leave()
		wantRest(t, p)
	})
}

func TestWhoWaitsForAServerThatIsTakenOffGoesToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone departures
		o := Options{Gone: gone.note}
		a := listed("a", 1)
		p := New(o, a)
		running, waits := acquire(p, "a", admission.Normal), acquire(p, "b", admission.Normal)
		p.Set(o, listed("b", 1))
		waits.want(t, "b")
		gone.want(t) // a request runs there
		running.slot.Leave()
		gone.want(t, a)
		p.Set(o)
		waits.slot.Leave()
		gone.want(t, a, waits.slot.Server())
		wantRest(t, p)
	})
}

// Its last request could not connect, and moves on.
func TestAServerIsGoneWhenItsLastRequestHasMovedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone departures
		o := Options{Gone: gone.note, Fall: 1, Out: func(*Server, error) { t.Error("a server that is leaving is told as out") }}
		a, b := listed("a", 1), listed("b", 1)
		p := New(o, a, b)
		mover := begin(func(context.Context) (Slot, error) { return p.take(Request{}, []*Server{b}) })
		running := acquire(p, "b", admission.Normal)
		running.want(t, "b")
		p.Set(o, b)
		mover.slot.Refused(errDown)
		gone.want(t)
		next := moved(mover, a)
		gone.want(t, a)
		next.want(t, "waits")
		running.slot.Leave()
		next.want(t, "b")
		next.slot.Leave()
		wantRest(t, p)
	})
}

// A server that nobody uses goes at once.
func TestAServerWithoutRequestsIsGoneAtOnce(t *testing.T) {
	var gone departures
	a, b := listed("a", 1), listed("b", 1)
	p := New(Options{}, a, b)
	p.Set(Options{Gone: gone.note}, b)
	gone.want(t, a)
	p.Set(Options{Gone: gone.note}, b)
	gone.want(t, a)
}

// Else twice as many as it has slots could run there.
func TestAServerThatComesBackBeforeItIsGoneHasItsRequestsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone departures
		o := Options{Gone: gone.note, Fall: 1}
		a, b := listed("a", 1), listed("b", 1)
		p := New(o, a, b)
		long := take(t, p, Key{}, b)
		long.Refused(errDown)
		p.Set(o, b)
		again := listed("a", 1)
		if unused := p.Set(o, again, b); !slices.Equal(unused, []*Server{again}) {
			t.Fatalf("unused: %v, want the second one of that address", unused)
		}
		if s := p.Status()[0]; s.Server != a || s.InFlight != 1 || !s.In {
			t.Errorf("%+v, want it in, with its request", s)
		}
		other, waits := acquire(p, "a", admission.Normal), acquire(p, "b", admission.Normal)
		other.want(t, "b")
		waits.want(t, "waits")
		long.Leave()
		waits.want(t, "a")
		waits.slot.Leave()
		other.slot.Leave()
		gone.want(t)
		wantRest(t, p)
	})
}

// A server has refused the request, and the next one is full, when the list changes.
func TestWhoMovesGoesByTheNewList(t *testing.T) {
	for name, c := range map[string]struct {
		list []*Server
		want string
	}{
		"a server comes":                   {[]*Server{listed("a", 1), listed("b", 1), listed("c", 1)}, "c"},
		"the awaited one is replaced":      {[]*Server{listed("a", 1), listed("c", 1)}, "c"},
		"the one that refused is replaced": {[]*Server{listed("b", 1), listed("c", 1)}, "c"},
		"the awaited one goes":             {[]*Server{listed("a", 1)}, ErrNoServer.Error()},
		"the one that refused goes":        {[]*Server{listed("b", 1)}, "waits"},
		"all go":                           {nil, ErrNoServer.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Options{MaxInFlightPerClient: 1}
				a, b := listed("a", 1), listed("b", 1)
				p := New(o, a, b)
				mover := begin(func(context.Context) (Slot, error) { return p.take(Request{Client: "a"}, []*Server{b}) })
				running := begin(func(context.Context) (Slot, error) { return p.take(Request{Client: "b"}, []*Server{a}) })
				next := moved(mover, a)
				next.want(t, "waits")
				p.Set(o, c.list...)
				next.want(t, c.want)
				running.slot.Leave()
				if c.want == "waits" {
					next.want(t, "b")
				}
				if next.state(); next.err == nil {
					next.slot.Leave()
				}
				wantRest(t, p)
			})
		})
	}
}

// A check that is under way when its server is taken off ends at once, and says
// nothing: neither of the server that has gone, nor where it comes back meanwhile.
func TestACheckOfAServerThatIsTakenOffIsCutOff(t *testing.T) {
	for name, comesBack := range map[string]bool{"for good": false, "comes back": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var gone departures
				o := Options{Always: true, Fall: 1, Gone: gone.note}
				w := watch(t, 2, o)
				w.options.Gone, w.options.Timeout = gone.note, time.Minute
				w.Set(w.options, w.list...)
				w.set(w.list[0], errHangs)
				w.after(15 * time.Second)
				w.mu.Lock()
				w.told = nil
				w.mu.Unlock()
				if w.list[0].cutOff == nil {
					t.Fatal("no check is under way")
				}
				w.set(w.list[0], nil)
				w.Set(w.options, w.list[1])
				if comesBack {
					w.Set(w.options, w.list...)
				}
				if told := w.after(30 * time.Second); told != "[]" {
					t.Errorf("told %s", told)
				}
				if comesBack {
					gone.want(t)
					if s := w.Status()[0]; !s.In || s.Server != w.list[0] {
						t.Errorf("%+v", s)
					}
				} else {
					gone.want(t, w.list[0])
				}
			})
		})
	}
}

func TestAServerThatComesIsCheckedAtOnceAndTheOthersInTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 1, Options{Always: true, Fall: 1})
		w.after(time.Second)
		before := w.checks(w.list[0])
		b := listed("b", 0)
		w.set(b, errDown)
		w.Set(w.options, w.list[0], b)
		if told := w.after(0); told != "[b out: connection refused]" {
			t.Errorf("told %s", told)
		}
		if n := w.checks(w.list[0]); n != before {
			t.Errorf("the other was checked %d times more", n-before)
		}
	})
}

func TestAShorterIntervalHoldsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Always: true}
		w := watch(t, 1, o)
		w.options.Interval = time.Hour
		w.Set(w.options, w.list...)
		w.after(30 * time.Minute)
		before := w.checks(w.list[0])
		w.options.Interval = time.Second
		w.Set(w.options, w.list...)
		w.after(10 * time.Second)
		if n := w.checks(w.list[0]) - before; n < 8 {
			t.Errorf("checked %d times in 10 s", n)
		}
	})
}

// reach notes the use of a server's transport: never more at once than there may
// be, and none behind its end.
type reach struct {
	*testing.T
	inFlight, gone atomic.Int64
}

func (r *reach) begin(most int64) {
	if n := r.inFlight.Add(1); n > most {
		r.Errorf("%d in flight, want at most %d", n, most)
	}
	if r.gone.Load() != 0 {
		r.Error("a server that is gone is used")
	}
}

// Everybody at once while servers come and go: bounds are kept, everybody ends, each
// server is gone once, and nobody is on it then.
func TestServersComeAndGoWhileEverybodyWaits(t *testing.T) {
	const most, changes = 3, 400
	var all sync.Map // of *reach, by *Server
	of := func(s *Server) *reach {
		r, _ := all.LoadOrStore(s, &reach{T: t})
		return r.(*reach)
	}
	options := func(r *rand.Rand) Options {
		return Options{
			Method: Method(r.IntN(3)), Fall: 1 + r.IntN(2), MaxInFlightPerClient: r.IntN(4), MaxQueued: r.IntN(3) * 10,
			Gone: func(s *Server) {
				if one := of(s); one.inFlight.Load() != 0 || one.gone.Add(1) != 1 {
					t.Error("gone twice, or with requests")
				}
			},
			Check: func(context.Context, *Server) error { return []error{nil, errDown}[rand.IntN(2)] },
			// All of them end long before the test does.
			Always: true, Interval: time.Millisecond, Timeout: time.Minute,
		}
	}
	r := rand.New(rand.NewPCG(5, 8))
	p := New(options(r), listed("a", 1))
	watching, stop := context.WithCancel(t.Context())
	var watch, visitors sync.WaitGroup
	watch.Go(func() { p.Watch(watching) })
	var changed atomic.Bool
	var visits atomic.Int64
	for i := range 12 {
		visitors.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 13))
			for !changed.Load() {
				visitAtRandom(t, p, r, of)
				visits.Add(1)
			}
		})
	}
	for range changes {
		var list []*Server
		for _, address := range r.Perm(4)[:1+r.IntN(4)] {
			list = append(list, listed(string(rune('a'+address)), 1+r.IntN(most)))
		}
		for _, unused := range p.Set(options(r), list...) {
			of(unused).gone.Store(1) // nobody may ever use it
		}
		for next := visits.Load() + r.Int64N(20); visits.Load() < next; {
			runtime.Gosched()
		}
	}
	changed.Store(true)
	visitors.Wait()
	stop()
	watch.Wait()
	p.Set(options(r))
	wantRest(t, p)
	all.Range(func(s, one any) bool {
		if one := one.(*reach); one.inFlight.Load() != 0 || one.gone.Load() != 1 {
			t.Errorf("%s: %d in flight, gone %d times", s.(*Server).Address, one.inFlight.Load(), one.gone.Load())
		}
		return true
	})
}

// visitAtRandom is one request, which may have to move, and may lose patience.
func visitAtRandom(t *testing.T, p *Pool, r *rand.Rand, of func(*Server) *reach) {
	const most = 3
	ctx, stop := context.WithTimeoutCause(context.Background(), time.Duration(r.IntN(800))*time.Microsecond, errPatience)
	defer stop()
	slot, err := p.Acquire(ctx, Request{Client: fmt.Sprint(r.IntN(4)), Session: key(r), Priority: admission.Priority(r.IntN(3))})
	for err == nil {
		one := of(slot.Server())
		one.begin(most)
		refused := r.IntN(5) == 0
		if refused {
			slot.Refused(errDown)
		}
		one.inFlight.Add(-1)
		if !refused {
			slot.Connected()
			slot.Leave()
			return
		}
		slot, err = slot.Next(ctx, Key{}, slot.Server())
	}
	if !errors.Is(err, errPatience) && !errors.Is(err, ErrQueueFull) && !errors.Is(err, ErrNoServer) {
		t.Errorf("error %v", err)
	}
}
