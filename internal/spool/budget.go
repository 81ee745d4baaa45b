package spool

import (
	"container/list"
	"math"
	"sync"
	"sync/atomic"
)

// budget counts bytes against a limit for the whole process. Taking and giving
// back are one atomic operation each while nobody waits.
//
// Whoever was refused may wait to be woken: join, try once more (what was given
// back in between woke nobody), sleep. The wake-ups go round one at a time, in
// order: who leaves after a wake-up passes it on while there is room.
type budget struct {
	limit   int64
	used    atomic.Int64
	waiting atomic.Int32 // len of queue, read without the lock

	mu    sync.Mutex
	queue list.List // of *waiter
}

// waiter is one place in a budget's queue; the zero value is outside of it.
type waiter struct {
	wake  chan struct{} // one slot; set before join
	place *list.Element // guarded by budget.mu, as is woken
	woken bool
}

// newBudget takes 0 as no limit.
func newBudget(limit int64) *budget {
	if limit <= 0 {
		limit = math.MaxInt64
	}
	return &budget{limit: limit}
}

func (b *budget) take(n int64) bool {
	for {
		used := b.used.Load()
		if n > b.limit-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// force takes n even beyond the limit.
func (b *budget) force(n int64) { b.used.Add(n) }

func (b *budget) give(n int64) {
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
	if passOn && b.used.Load() < b.limit {
		b.wakeOne()
	}
}

// signal puts a token into a one-slot channel; a token already there will do.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
