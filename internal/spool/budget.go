package spool

import (
	"container/list"
	"math"
	"sync"
	"sync/atomic"
)

// budget counts bytes against a limit. It may be part of a larger one: what is
// taken from it is taken from all that it is part of, or from none. Taking and
// giving back are one atomic operation for each of them while nobody waits.
//
// Whoever was refused may wait at the budget that refused to be woken: join, try
// once more (what was given back in between woke nobody), sleep. The wake-ups go
// round one at a time, in order: who leaves after a wake-up passes it on while
// there is room.
type budget struct {
	whole   *budget // that this one is part of; nil: none
	limit   atomic.Int64
	used    atomic.Int64
	waiting atomic.Int32 // len of queue, read without the lock

	mu    sync.Mutex
	queue list.List // of *waiter
}

// waiter is one place in a budget's queue; the zero value is outside of it.
type waiter struct {
	wake  chan struct{} // one slot; set before join
	at    *budget       // where it has joined; its owner's, as is wake
	place *list.Element // guarded by budget.mu, as is woken
	woken bool
}

// newBudget takes 0 as no limit.
func newBudget(limit int64, whole *budget) *budget {
	b := &budget{whole: whole}
	b.bound(limit)
	return b
}

// bound changes the limit; 0 is none. What is used beyond it stays.
func (b *budget) bound(limit int64) {
	if limit <= 0 {
		limit = math.MaxInt64
	}
	if b.limit.Swap(limit) < limit && b.waiting.Load() > 0 {
		b.wakeOne()
	}
}

// take returns nil, or the budget that has no room for n bytes. The largest is
// asked last: nobody is refused there for what a smaller one does not grant.
func (b *budget) take(n int64) (refused *budget) {
	if !b.takeHere(n) {
		return b
	}
	if b.whole == nil {
		return nil
	}
	if refused = b.whole.take(n); refused != nil {
		b.giveHere(n) // wakes whoever was refused for these n bytes
	}
	return refused
}

func (b *budget) takeHere(n int64) bool {
	for {
		used := b.used.Load()
		if n > b.limit.Load()-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// force takes n even beyond the limits.
func (b *budget) force(n int64) {
	for ; b != nil; b = b.whole {
		b.used.Add(n)
	}
}

func (b *budget) give(n int64) {
	for ; b != nil; b = b.whole {
		b.giveHere(n)
	}
}

func (b *budget) giveHere(n int64) {
	b.used.Add(-n)
	if b.waiting.Load() > 0 {
		b.wakeOne()
	}
}

func (b *budget) wakeOne() {
	b.mu.Lock()
	first := b.queue.Front()
	if first == nil {
		b.mu.Unlock()
		return
	}
	w := first.Value.(*waiter)
	b.removeLocked(w)
	w.woken = true
	b.mu.Unlock()
	signal(w.wake)
}

func (b *budget) removeLocked(w *waiter) {
	b.queue.Remove(w.place)
	w.place = nil
	b.waiting.Add(-1)
}

// join puts w at the end of the queue and reports whether it was not in it yet.
// Then the caller must try again before it sleeps.
func (b *budget) join(w *waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	w.woken = false
	if w.place != nil {
		return false
	}
	w.place = b.queue.PushBack(w)
	b.waiting.Add(1)
	return true
}

// leave takes w out of the queue. Safe to call when it is not in it.
func (b *budget) leave(w *waiter) {
	b.mu.Lock()
	if w.place != nil {
		b.removeLocked(w)
	}
	passOn := w.woken
	w.woken = false
	b.mu.Unlock()
	if passOn && b.used.Load() < b.limit.Load() {
		b.wakeOne()
	}
}

// waitAt has w queue at the budget that refused, nil for none, and nowhere else.
// It reports what join does.
func (w *waiter) waitAt(refused *budget) bool {
	if w.at != nil && w.at != refused {
		w.at.leave(w)
	}
	w.at = refused
	return refused != nil && refused.join(w)
}

// signal puts a token into a one-slot channel; a token already there will do.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
