package balance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/proxy/admission"
)

var errPatience = errors.New("patience is at its end")

// bounded makes n servers with so many slots each.
func bounded(n, slots int) []*Server {
	list := servers(n)
	for _, s := range list {
		s.MaxInFlight = slots
	}
	return list
}

// waiting is a request that may wait for a slot.
type waiting struct {
	slot  Slot
	err   error
	ended chan struct{}
	leave context.CancelCauseFunc
}

func begin(ask func(context.Context) (Slot, error)) *waiting {
	ctx, leave := context.WithCancelCause(context.Background())
	w := &waiting{ended: make(chan struct{}), leave: leave}
	go func() {
		defer close(w.ended)
		w.slot, w.err = ask(ctx)
	}()
	synctest.Wait() // it has a slot, or stands in the queue
	return w
}

func acquire(p *Pool, client string, priority admission.Priority) *waiting {
	return begin(func(ctx context.Context) (Slot, error) {
		return p.Acquire(ctx, Request{Client: client, Priority: priority})
	})
}

// state is "waits", the server's address, or the error.
func (w *waiting) state() string {
	synctest.Wait()
	select {
	case <-w.ended:
	default:
		return "waits"
	}
	if w.err != nil {
		return w.err.Error()
	}
	return w.slot.Server().Address
}

func (w *waiting) want(t *testing.T, state string) {
	t.Helper()
	if got := w.state(); got != state {
		t.Fatalf("%q, want %q", got, state)
	}
}

// wantRest expects that nobody has a slot, or waits for one, and that no slot is
// counted as a client's. The pool is of no use afterwards.
func wantRest(t *testing.T, p *Pool) {
	t.Helper()
	for _, client := range []string{"a", "b", "c", "0", "1", "2", "3"} {
		for range p.options.MaxInFlightPerClient {
			if !p.queue.Enter(client, 0) {
				t.Errorf("slots are counted as those of %s that nobody has", client)
			}
		}
	}
	if p.moving.Len() != 0 || p.queue.Len() != 0 {
		t.Errorf("%d wait, %d move", p.queue.Len(), p.moving.Len())
	}
	for level := range p.called {
		if n := p.called[level].Len(); n != 0 {
			t.Errorf("%d of level %d wait", n, level+1)
		}
	}
	for _, s := range p.Status() {
		if s.InFlight != 0 {
			t.Errorf("%s: %d in flight", s.Server.Address, s.InFlight)
		}
	}
}

func TestASlotThatComesFreeGoesToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{}, bounded(2, 1)...)
		first, second := acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal)
		third, urgent := acquire(p, "b", admission.Normal), acquire(p, "c", admission.High)
		third.want(t, "waits")
		if _, err := p.Take(Request{}); !errors.Is(err, ErrFull) {
			t.Errorf("Take past the queue: %v", err)
		}
		if p.Queued(admission.Normal) != 1 || p.Queued(admission.High) != 1 {
			t.Error("the queue is not counted")
		}
		second.slot.Leave()
		urgent.want(t, second.slot.Server().Address)
		third.want(t, "waits")
		first.slot.Leave()
		third.want(t, first.slot.Server().Address)
		third.slot.Leave()
		urgent.slot.Leave()
		wantRest(t, p)
	})
}

func TestWhoLeavesTheQueueLosesItsPlaceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{}, bounded(1, 1)...)
		first := acquire(p, "a", admission.Normal)
		second, third := acquire(p, "b", admission.Normal), acquire(p, "c", admission.Normal)
		second.leave(errPatience)
		second.want(t, errPatience.Error())
		first.slot.Leave()
		third.want(t, "a")
		third.slot.Leave()
		wantRest(t, p)
	})
}

func TestWhoGivesWayIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{MaxQueued: 2}, bounded(1, 1)...)
		running := acquire(p, "a", admission.Normal)
		old, young := acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal)
		if !p.Refuses(Request{Client: "a"}) || p.Refuses(Request{Client: "b"}) {
			t.Error("Refuses does not know who would have to give way")
		}
		acquire(p, "a", admission.Normal).want(t, ErrQueueFull.Error())
		other := acquire(p, "b", admission.Normal)
		young.want(t, ErrQueueFull.Error())
		other.want(t, "waits")
		for _, w := range []*waiting{running, old, other} {
			w.want(t, "a")
			w.slot.Leave()
		}
		if p.Refuses(Request{Client: "a"}) {
			t.Error("Refuses though a slot is free")
		}
		wantRest(t, p)
	})
}

func TestOneClientHasItsShareOfTheSlotsAndOthersTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{MaxInFlightPerClient: 2}, bounded(1, 3)...)
		first, second := acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal)
		third := acquire(p, "a", admission.Normal)
		third.want(t, "waits")
		if rounds, own := p.Outlook("a"); rounds != 1 || !own {
			t.Errorf("outlook of a: %d rounds, own %v", rounds, own)
		}
		other := acquire(p, "b", admission.Normal)
		other.want(t, "a")
		fourth := acquire(p, "b", admission.Normal)
		if rounds, own := p.Outlook("b"); rounds != 1 || own {
			t.Errorf("outlook of b: %d rounds, own %v", rounds, own)
		}
		other.slot.Leave()
		fourth.want(t, "a")
		third.want(t, "waits")
		first.slot.Leave()
		third.want(t, "a")
		for _, w := range []*waiting{second, third, fourth} {
			w.slot.Leave()
		}
		wantRest(t, p)
	})
}

// A bound on clients alone works without one on servers.
func TestAClientsBoundNeedsNoBoundOnServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{MaxInFlightPerClient: 1}, servers(1)...)
		first, second := acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal)
		second.want(t, "waits")
		first.slot.Leave()
		second.want(t, "a")
		second.slot.Leave()
	})
}

func TestASessionGoesElsewhereWhileItsServerIsFull(t *testing.T) {
	p := New(Options{Method: Session}, bounded(2, 1)...)
	k := Key{7}
	own := visit(t, p, k)
	slot := take(t, p, k)
	if slot.Server() != own {
		t.Fatalf("went to %s, want %s", slot.Server().Address, own.Address)
	}
	if at := visit(t, p, k); at == own {
		t.Error("went to its own server, which is full")
	}
	slot.Leave()
	if at := visit(t, p, k); at != own {
		t.Error("did not come back to its own server")
	}
}

func TestSlotsOfAServerThatIsOutAreNotUsedWhileAnotherIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := bounded(2, 1)
		p := New(Options{Rise: 1}, list...)
		falls(t, p, list[0])
		first, second := acquire(p, "a", admission.Normal), acquire(p, "b", admission.Normal)
		first.want(t, "b")
		second.want(t, "waits")
		p.checked(list[0], nil)
		second.want(t, "a")
		third := acquire(p, "c", admission.Normal)
		second.slot.Leave()
		third.want(t, "a")
		third.slot.Leave()
		first.slot.Leave()
		wantRest(t, p)
	})
}

// When all are out, all are used: who waits is not left behind by that.
func TestWhoWaitsGoesOnWhenTheLastServerGoesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := bounded(2, 1)
		p := New(Options{}, list...)
		falls(t, p, list[0])
		first, second := acquire(p, "a", admission.Normal), acquire(p, "b", admission.Normal)
		second.want(t, "waits")
		falls(t, p, list[1])
		second.want(t, "a")
		first.slot.Leave()
		second.slot.Leave()
	})
}

func TestWhoWaitsIsToldWhenNoServerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{MaxInFlightPerClient: 1}, bounded(1, 1)...)
		first := acquire(p, "a", admission.Normal)
		others := []*waiting{acquire(p, "a", admission.Low), acquire(p, "b", admission.Normal)}
		p.Set(p.options)
		for _, w := range others {
			if w.want(t, ErrNoServer.Error()); w.slot.Server() != nil {
				t.Error("a slot with an error")
			}
		}
		first.slot.Leave()
		wantRest(t, p)
	})
}

// moved refuses a request's server to it, and begins to wait for another.
func moved(w *waiting, tried ...*Server) *waiting {
	return begin(func(ctx context.Context) (Slot, error) { return w.slot.Next(ctx, Key{}, tried...) })
}

func TestWhoMovesGoesBeforeThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := bounded(2, 1)
		p := New(Options{MaxInFlightPerClient: 1}, list...)
		mover, running := acquire(p, "a", admission.Low), acquire(p, "b", admission.Normal)
		waits := acquire(p, "c", admission.High)
		again := acquire(p, "a", admission.Normal)
		mover.want(t, "a")
		running.want(t, "b")
		next := moved(mover, list[0])
		next.want(t, "waits")
		waits.want(t, "a") // the slot that was given back
		if p.Queued(admission.Low) != 1 {
			t.Error("who moves is not counted")
		}
		running.slot.Leave()
		next.want(t, "b")
		again.want(t, "waits") // its client has kept its share
		next.slot.Leave()
		again.want(t, "b")
		again.slot.Leave()
		waits.slot.Leave()
		wantRest(t, p)
	})
}

func TestWhoHasTriedAllServersHasNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := bounded(2, 1)
		p := New(Options{MaxInFlightPerClient: 1}, list...)
		first := acquire(p, "a", admission.Normal)
		moved(first, list...).want(t, ErrNoServer.Error())
		first, second := acquire(p, "a", admission.Normal), acquire(p, "b", admission.Normal)
		next := moved(first, first.slot.Server())
		next.want(t, "waits")
		p.Set(p.options, first.slot.Server()) // without the one that it waits for
		next.want(t, ErrNoServer.Error())
		second.slot.Leave()
		wantRest(t, p)
	})
}

func TestWhoGivesUpMovingGivesItsClientsShareBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := bounded(2, 1)
		p := New(Options{MaxInFlightPerClient: 1}, list...)
		first, running := acquire(p, "a", admission.Normal), acquire(p, "b", admission.Normal)
		again := acquire(p, "a", admission.Normal)
		next := moved(first, first.slot.Server())
		next.leave(errPatience)
		next.want(t, errPatience.Error())
		again.want(t, first.slot.Server().Address)
		again.slot.Leave()
		running.slot.Leave()
		wantRest(t, p)
	})
}

func TestForceGoesBeyondTheBounds(t *testing.T) {
	list := bounded(2, 1)
	p := New(Options{MaxInFlightPerClient: 1}, list...)
	var held []Slot
	for range 4 {
		slot, err := p.Force(Request{Client: "a"})
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, slot)
	}
	if list[0].inFlight != 2 || list[1].inFlight != 2 {
		t.Errorf("%d and %d in flight", list[0].inFlight, list[1].inFlight)
	}
	held[0].Leave()
	held[1].Leave()
	if _, err := p.Take(Request{Client: "b"}); !errors.Is(err, ErrFull) {
		t.Errorf("Take while more is in flight than should be: %v", err)
	}
	held[2].Leave()
	if slot, err := p.Take(Request{Client: "b"}); err != nil || slot.Server() != held[2].Server() {
		t.Errorf("Take: %v", err)
	}
	falls(t, p, list[0])
	for range 2 {
		if slot, err := p.Force(Request{}); err != nil || slot.Server() != list[1] {
			t.Errorf("Force beside a server that is out: %v", err)
		}
	}
	p.Set(p.options)
	if _, err := p.Force(Request{}); !errors.Is(err, ErrNoServer) {
		t.Errorf("Force without servers: %v", err)
	}
}

func TestABoundedPoolWithAFreeSlotTakesNoMemory(t *testing.T) {
	p := New(Options{MaxInFlightPerClient: 8, MaxQueued: 1000}, bounded(3, 10)...)
	if n := testing.AllocsPerRun(100, func() {
		slot, _ := p.Take(Request{Client: "203.0.113.7", Session: Key{1}})
		slot.Connected()
		slot.Leave()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Everybody at once: bounds are kept, everybody ends, nothing is left behind.
func TestBoundsAreKeptWhileEverybodyComesAndGoes(t *testing.T) {
	for _, o := range []Options{{}, {MaxInFlightPerClient: 3, MaxQueued: 10}, {Method: Session, MaxQueued: 5}} {
		const slots = 2
		list := bounded(3, slots)
		o.Fall, o.Rise = 2, 1
		p := New(o, list...)
		var inFlight [3]atomic.Int64
		at := func(s *Server) *atomic.Int64 { return &inFlight[s.Address[0]-'a'] }
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 11))
				for range 500 {
					ctx, stop := context.WithTimeoutCause(context.Background(), time.Duration(r.IntN(400))*time.Microsecond, errPatience)
					slot, err := p.Acquire(ctx, Request{Client: fmt.Sprint(r.IntN(4)), Session: key(r), Priority: admission.Priority(r.IntN(3))})
					for err == nil {
						if n := at(slot.Server()).Add(1); n > slots {
							t.Errorf("%d in flight on a server with %d slots", n, slots)
						}
						switch r.IntN(8) {
						case 0:
							p.checked(list[r.IntN(3)], nil)
						case 1:
							p.checked(list[r.IntN(3)], errDown)
						}
						at(slot.Server()).Add(-1)
						if r.IntN(4) != 0 {
							slot.Leave()
							break
						}
						slot.Refused(errDown)
						slot, err = slot.Next(ctx, Key{}, slot.Server())
					}
					stop()
					if err != nil && !errors.Is(err, errPatience) && !errors.Is(err, ErrQueueFull) {
						t.Errorf("error %v", err)
					}
				}
			})
		}
		all.Wait()
		wantRest(t, p)
	}
}
