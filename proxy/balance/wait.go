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
	ahead   *list.List    // where it waits before the queue, because it has had a slot before, or is called; nil: in the queue
	at      *list.Element // of ahead; nil: it has ended
	tried   []*Server     // of no use to who moves
	counted bool          // as its client's, while it waits ahead: it has had a slot

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
	var out *admission.Place
	if r.Called > 0 {
		p.moveLocked(w, nil)
	} else {
		out = p.queue.Push(&w.place)
	}
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
	case w.ahead == nil:
		return p.queue.Remove(&w.place)
	case w.at == nil:
		return false
	}
	p.unmoveLocked(w)
	p.uncountLocked(w)
	return true
}

func (p *Pool) uncountLocked(w *waiter) {
	if w.counted {
		p.queue.Exit(w.request.Client)
	}
}

func (p *Pool) moveLocked(w *waiter, tried []*Server) {
	w.ahead, w.tried = &p.moving, tried
	if level := w.request.level(); level > 0 {
		w.ahead = &p.called[level-1]
	}
	w.at = w.ahead.PushBack(w)
}

func (p *Pool) unmoveLocked(w *waiter) {
	w.ahead.Remove(w.at)
	w.at = nil
}

// admitLocked gives free slots to those who wait, and returns whom to wake. It is
// called after whatever may have made a slot free, or taken the last server away.
func (p *Pool) admitLocked() (ready *waiter) {
	for level := maxCalled - 1; level >= 0; level-- {
		ready = p.admitAheadLocked(&p.called[level], ready)
	}
	ready = p.admitAheadLocked(&p.moving, ready)
	for p.queue.Len() > 0 {
		at, full := p.chooseLocked(Request{}, nil)
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
			at, _ = p.chooseLocked(w.request, nil) // its own, where that is free
			w.slot, w.err = p.occupyLocked(at, w.request), nil
		}
		w.after, ready = ready, w
	}
	return ready
}

// admitAheadLocked serves those who wait before the queue, the first first. Who
// cannot go holds those behind it up, who come next all the same; but for whose
// client has all that it may have.
func (p *Pool) admitAheadLocked(ahead *list.List, ready *waiter) *waiter {
	for e := ahead.Front(); e != nil; {
		w := e.Value.(*waiter)
		e = e.Next() // before w is taken out
		at, full := p.chooseLocked(w.request, w.tried)
		if full {
			break
		}
		if at >= 0 && !w.counted && !p.enterLocked(w.request) {
			continue
		}
		p.unmoveLocked(w)
		if at < 0 {
			w.err = ErrNoServer
			p.uncountLocked(w)
		} else {
			w.slot = p.occupyLocked(at, w.request)
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
