package limiter

import (
	"sync"
	"time"
)

// refusals remembers the keys that Redis has refused until their wait is over:
// asked again it would say the same, since what is refused changes nothing. So a
// key that hammers costs Redis no more calls than it is let through.
type refusals struct {
	mu    sync.Mutex
	clock clock
	table table[int64] // the value: when the bucket will be full
}

func newRefusals(l Limit, keys int) *refusals {
	return &refusals{table: newTable[int64](keys, int64(l.Interval()+time.Microsecond))}
}

// recall returns the refusal of a key that still holds.
func (r *refusals) recall(k Key, now time.Time) (Decision, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, at := r.clock.tell(now)
	e := r.table.entries[k.id]
	if e == nil || e.until <= at {
		return Decision{}, false
	}
	return Decision{RetryAfter: time.Duration(e.until - at), Reset: time.Duration(e.value - at)}, true
}

// remember takes in a refusal that was asked for at a time. Where there is no room
// for it, Redis will be asked again.
func (r *refusals) remember(k Key, d Decision, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, at := r.clock.tell(now)
	e := r.table.entries[k.id]
	if e == nil {
		if e = r.table.place(k.id, at); e == nil {
			return
		}
	}
	e.value = at + int64(d.Reset)
	r.table.hold(e, at+int64(d.RetryAfter), at)
}

// forget drops the refusal of a key whose bucket has got something back.
func (r *refusals) forget(k Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.table.entries[k.id]; e != nil {
		r.table.remove(e)
	}
}

// resize bounds the keys anew.
func (r *refusals) resize(keys int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.table.resize(keys, r.clock.at())
}
