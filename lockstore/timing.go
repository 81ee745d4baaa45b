package lockstore

import (
	"math/rand/v2"
	"time"
)

// timing is the durations of the protocol.
type timing struct {
	ttl     time.Duration // of a lease
	confirm time.Duration // of a lease that was granted by message
	margin  time.Duration // a lease counts as ended so much before Redis ends it
	poll    time.Duration // longest time between two calls of a gate that waits
	retry   time.Duration // after a call that failed at once
	linger  time.Duration // how long a lease that nobody is known to want is kept after its last turn
	timeout time.Duration // of a call
}

// defaultTiming is the protocol's for a lease of the given length.
func defaultTiming(ttl, timeout time.Duration) timing {
	return timing{
		ttl:     ttl,
		confirm: time.Second,
		margin:  100 * time.Millisecond,
		poll:    500 * time.Millisecond,
		retry:   25 * time.Millisecond,
		linger:  time.Millisecond,
		timeout: timeout,
	}
}

// alive is how long a waiting gate that is not heard of counts as alive.
func (t timing) alive() time.Duration { return 4 * t.poll }

// keep is how long Redis knows a session that nobody speaks of: its fence, and
// who waits for it.
func (t timing) keep() time.Duration { return 10 * t.ttl }

// jitter spreads the calls of many gates, and of many sessions of one.
func jitter(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}
