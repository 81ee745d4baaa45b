package lockstore

import "time"

// breaker says whether a Redis server counts as away. It opens when calls have
// failed for a while and none has succeeded: a server that only hesitates must
// not make gates grant turns by themselves. It is closed by whoever has reached
// the server again.
type breaker struct {
	patience time.Duration // how long calls must have failed
	open     bool
	failures int
	since    time.Time // of the first failure
	closed   time.Time // when it was closed last
}

const breakerFailures = 3

// succeeded takes in an answer. An open breaker stays open: the answer may have
// been on its way for long.
func (b *breaker) succeeded() { b.failures = 0 }

// failed takes in a failure; it reports true where that opens the breaker. A
// call from before it was closed says nothing of what is now.
func (b *breaker) failed(sent, now time.Time) bool {
	if sent.Before(b.closed) {
		return false
	}
	if b.failures == 0 {
		b.since = sent
	}
	b.failures++
	if b.open || b.failures < breakerFailures || now.Sub(b.since) < b.patience {
		return false
	}
	b.open = true
	return true
}

func (b *breaker) close(now time.Time) { b.open, b.failures, b.closed = false, 0, now }
