package balance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/proxy/admission"
)

// called asks for a slot for a request that so many others wait for.
func called(p *Pool, level int) *waiting {
	return begin(func(ctx context.Context) (Slot, error) { return p.Acquire(ctx, Request{Called: level}) })
}

func TestEachLevelOfCallsHasAReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Reserve: 1}, bounded(1, 2)...)
		all := []*waiting{acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal), called(p, 1), called(p, 2), called(p, 3)}
		for _, w := range all {
			w.want(t, "a")
		}
		if _, err := p.Take(Request{Called: 2}); !errors.Is(err, ErrFull) {
			t.Errorf("the third level's reserve is taken by the second: %v", err)
		}
		for _, w := range all {
			w.slot.Leave()
		}
		wantRest(t, p)
	})
}

// The deepest goes first, and all go before the queue; nobody who waits for more
// than is free holds up who may have it.
func TestCallsGoBeforeTheQueueTheDeepestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Reserve: 1}, bounded(1, 1)...)
		first, reserved, deep := acquire(p, "a", admission.Normal), called(p, 1), called(p, 2)
		urgent := acquire(p, "b", admission.High)
		one, two := called(p, 1), called(p, 2)
		if n := p.Queued(admission.Normal); n != 2 {
			t.Errorf("%d queued, want the two calls", n)
		}
		first.slot.Leave()
		two.want(t, "a")
		one.want(t, "waits")
		deep.slot.Leave()
		one.want(t, "waits")
		two.slot.Leave()
		one.want(t, "a")
		urgent.want(t, "waits")
		one.slot.Leave()
		reserved.slot.Leave()
		urgent.want(t, "a")
		urgent.slot.Leave()
		wantRest(t, p)
	})
}

func TestACallThatLeavesOrIsRefusedHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := bounded(2, 1)
		p := New(Options{Reserve: 1}, list...)
		one, two := acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal)
		three, four := called(p, 1), called(p, 1)
		gone, last := called(p, 1), called(p, 1)
		gone.leave(errPatience)
		gone.want(t, errPatience.Error())
		moves := begin(func(ctx context.Context) (Slot, error) { return three.slot.Next(ctx, Key{}, three.slot.Server()) })
		last.want(t, three.slot.Server().Address)
		moves.want(t, "waits") // for a slot of the other server, of its level
		four.slot.Leave()
		moves.want(t, four.slot.Server().Address)
		for _, w := range []*waiting{one, two, last, moves} {
			w.slot.Leave()
		}
		wantRest(t, p)
	})
}

// Any number of callers that each keep a slot while they call, and so on: all
// come to their end.
func TestCallersNeverWaitForEachOther(t *testing.T) {
	for _, depth := range []int{1, 3, maxCalled} {
		t.Run(fmt.Sprint("depth ", depth), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(Options{Reserve: 1, MaxInFlightPerClient: 2}, bounded(2, 2)...)
				var all sync.WaitGroup
				for i := range 30 {
					client := fmt.Sprint(i % 2)
					all.Go(func() {
						ctx, stop := context.WithTimeout(t.Context(), time.Hour)
						defer stop()
						for level := 0; level <= depth; level++ {
							slot, err := p.Acquire(ctx, Request{Client: client, Called: level})
							if err != nil {
								t.Errorf("level %d: %v", level, err)
								return
							}
							defer slot.Leave()
							<-time.After(time.Millisecond)
						}
					})
				}
				all.Wait()
				wantRest(t, p)
			})
		})
	}
}

// Whoever comes by a token that a page has shown has no more of the servers by it
// than its client may have, but for the reserve; and holds up nobody else's calls.
func TestCallsAreTheirClientsWithinAReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{Reserve: 1, MaxInFlightPerClient: 2}, bounded(1, 9)...)
		calls := func(client string, level int) *waiting {
			return begin(func(ctx context.Context) (Slot, error) {
				return p.Acquire(ctx, Request{Client: client, Called: level})
			})
		}
		all := []*waiting{acquire(p, "a", admission.Normal), acquire(p, "a", admission.Normal), calls("a", 1), calls("a", 2), calls("b", 1)}
		for _, w := range all {
			w.want(t, "a")
		}
		third, gone, another := calls("a", 1), calls("a", 1), calls("b", 1)
		third.want(t, "waits")
		another.want(t, "a")
		gone.leave(errPatience)
		gone.want(t, errPatience.Error())
		all[0].slot.Leave()
		third.want(t, "waits") // four have become three, and may be no more than that
		all[3].slot.Leave()
		third.want(t, "a")
		for _, w := range []*waiting{all[1], all[2], all[4], third, another} {
			w.slot.Leave()
		}
		wantRest(t, p)
	})
}
