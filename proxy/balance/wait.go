package balance

import (
	"container/list"
	"context"
	"errors"

	"github.com/sessiongate/sessiongate/proxy/admission"
)

// waiter is a request that waits for a slot.
type waiter struct {
	request Request
	place   admission.Place
	moves   bool          // it has had a slot before, and waits before the queue
	at      *list.Element // where it moves from; nil: it has ended
	tried   []*Server     // of no use to who moves

	// Written before ended is closed.
	slot  Slot
	err   error
	ended chan struct{}

	after *waiter // of those that are to be woken together
}

func newWaiter(r Request) *waiter {
	w := &waiter{request: r, ended: make(chan struct{})}
	w.place = admission.Place{Client: r.Client, Session: r.Session, Priority: r.Priority, Value: w}
	return w
}

// Acquire is Take for who can wait. Who waits longest, and who may wait at all, is
// package admission's business: ErrQueueFull may come at once, or later when
// somebody else has to be let in. When ctx ends, its cause is returned, or a slot
// that came at the same moment.
func (p *Pool) Acquire(ctx context.Context, r Request) (Slot, error) {
	p.mu.Lock()
	if slot, err := p.takeLocked(r, nil); !errors.Is(err, ErrFull) {
		p.mu.Unlock()
		return slot, err
	}
	w := newWaiter(r)
	out := p.queue.Push(&w.place)
	p.mu.Unlock()
	if out != nil {
		gone := out.Value.(*waiter)
		gone.err = ErrQueueFull
		close(gone.ended)
	}
	return p.await(ctx, w)
}

// await waits for a slot, or for the end of ctx.
func (p *Pool) await(ctx context.Context, w *waiter) (Slot, error) {
	select {
	case <-w.ended:
	case <-ctx.Done():
		if p.leave(w) {
			return Slot{}, context.Cause(ctx)
		}
		<-w.ended // at this moment
	}
	return w.slot, w.err
}

// leave takes a waiter that gives up out; false: it has a slot, or an error.
func (p *Pool) leave(w *waiter) bool {
	p.mu.Lock()
	left := p.leaveLocked(w)
	ready := p.admitLocked()
	p.mu.Unlock()
	ready.wake()
	return left
}

func (p *Pool) leaveLocked(w *waiter) bool {
	switch {
	case !w.moves:
		return p.queue.Remove(&w.place)
	case w.at == nil:
		return false
	}
	p.unmoveLocked(w)
	p.queue.Exit(w.request.Client)
	return true
}

func (p *Pool) moveLocked(w *waiter, tried []*Server) {
	w.moves, w.tried = true, tried
	w.at = p.moving.PushBack(w)
}

func (p *Pool) unmoveLocked(w *waiter) {
	p.moving.Remove(w.at)
	w.at = nil
}

// admitLocked gives free slots to those who wait, and returns whom to wake. It is
// called after whatever may have made a slot free, or taken the last server away.
func (p *Pool) admitLocked() (ready *waiter) {
	ready = p.admitMovingLocked(nil)
	for p.queue.Len() > 0 {
		at, full := p.chooseLocked(Key{}, nil)
		if full {
			break
		}
		var next *admission.Place
		if at < 0 {
			next = p.queue.Shed()
		} else {
			next = p.queue.Next()
		}
		if next == nil {
			break
		}
		w := next.Value.(*waiter)
		w.err = ErrNoServer
		if at >= 0 {
			at, _ = p.chooseLocked(w.request.Session, nil) // its own, where that is free
			w.slot, w.err = p.occupyLocked(at, w.request.Client, w.request.Priority), nil
		}
		w.after, ready = ready, w
	}
	return ready
}

// admitMovingLocked serves those who move, the first first. Who cannot go holds
// those behind it up, who come next all the same.
func (p *Pool) admitMovingLocked(ready *waiter) *waiter {
	for e := p.moving.Front(); e != nil; e = p.moving.Front() {
		w := e.Value.(*waiter)
		at, full := p.chooseLocked(w.request.Session, w.tried)
		if full {
			break
		}
		p.unmoveLocked(w)
		if at < 0 {
			w.err = ErrNoServer
			p.queue.Exit(w.request.Client)
		} else {
			w.slot = p.occupyLocked(at, w.request.Client, w.request.Priority)
		}
		w.after, ready = ready, w
	}
	return ready
}

// wake lets those go who have a slot, or an error. It is called without the
// mutex.
func (w *waiter) wake() {
	for w != nil {
		after := w.after // before it goes
		close(w.ended)
		w = after
	}
}
