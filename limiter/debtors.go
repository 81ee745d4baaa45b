package limiter

import (
	"sync"
	"time"
)

// debtors are the keys of a shared limit that have a debt in Redis, as far as this
// process has made it or heard of it. They are as many as a limit may know: a key
// that is new when there is no room does not get to Redis, so that a flood of keys
// fills neither this process nor Redis.
//
// They are remembered as refused until their wait is over: asked again Redis would
// say the same, since what is refused changes nothing. So a key that hammers costs
// Redis no more calls than it is let through.
type debtors struct {
	interval, horizon int64

	mu    sync.Mutex
	clock clock
	table table[int64] // until its bucket is full; the value: until when it is refused
}

func newDebtors(l Limit, keys int) *debtors {
	interval := max(l.Interval().Round(time.Microsecond), time.Microsecond) // as Redis counts
	horizon := int64(interval)*int64(l.Burst) + int64(time.Microsecond)
	return &debtors{interval: int64(interval), horizon: horizon, table: newTable[int64](keys, horizon)}
}

// standing is what is known of a key before Redis is asked.
type standing int

const (
	unjudged standing = iota
	refused           // a refusal of Redis still holds
	unknown           // and there is no room for it
)

// enter takes in a key that Redis is to be asked about, and says where that need
// not be, or must not.
func (b *debtors) enter(k Key, now time.Time) (Decision, standing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, at := b.clock.tell(now)
	e := b.table.entries[k.id]
	switch {
	case e != nil && e.value > at:
		return Decision{RetryAfter: time.Duration(e.value - at), Reset: time.Duration(e.until - at)}, refused
	case e == nil:
		if e = b.table.place(k.id, at); e == nil {
			return Decision{}, unknown
		}
		e.value, e.until = 0, 0
	}
	// For as long as the debt of this request; Redis will say what there is in all.
	b.table.hold(e, max(e.until, at+b.interval), at)
	return Decision{}, unjudged
}

// note takes in what Redis has said of a key when it was asked at a time.
func (b *debtors) note(k Key, d Decision, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, at := b.clock.tell(now)
	e := b.table.entries[k.id]
	if e == nil {
		if e = b.table.place(k.id, at); e == nil {
			return
		}
	}
	e.value = 0
	if !d.Allowed {
		e.value = at + int64(d.RetryAfter)
	}
	b.table.hold(e, at+min(max(int64(d.Reset), int64(d.RetryAfter)), b.horizon), at)
}

// forgive drops the refusal of a key whose bucket has got something back.
func (b *debtors) forgive(k Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.table.entries[k.id]; e != nil {
		e.value = 0
	}
}

// known is the number of keys that take memory.
func (b *debtors) known() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.table.entries)
}

// resize bounds the keys anew.
func (b *debtors) resize(keys int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.table.resize(keys, b.clock.at())
}
