package proxy

import (
	"math"
	"sync/atomic"
	"time"
)

// Refusals say after how many seconds coming again makes sense: never less than
// 1, and, where that is a guess, never more than 60.
const (
	minRetry = 1
	maxRetry = 60
)

// Where nothing is known of how long a turn lasts, or the line is not what is
// waited for.
const (
	retryDelay  = time.Second      // a few requests have to end
	outageDelay = 5 * time.Second  // something has to come back: Redis, the disk, the application
	ruleDelay   = 30 * time.Second // an operator has to change a rule
)

// retrySeconds is the Retry-After for a delay. It is later by a random part, up
// to half the delay and a second, so that those who were refused together do not
// come again together; chance is from 0 to below 1. A known delay is not cut to a
// minute, and the part that is added to it is.
func retrySeconds(delay time.Duration, known bool, chance float64) int {
	if delay <= 0 {
		return 0
	}
	const room = (maxRetry - 1) / 1.5 // for the random part
	least := delay.Seconds()
	if !known {
		least = min(least, room)
	}
	return max(minRetry, int(math.Ceil(least+chance*(min(least, room)/2+1))))
}

// pace is how long turns lasted of late: a mean over all sessions in which each
// turn counts for a sixteenth and those before it for the rest. Its zero value
// knows of no turn yet.
type pace struct{ seconds atomic.Uint64 } // the bits of a float64; 0: none

// note takes in a turn that has ended.
func (p *pace) note(held time.Duration) {
	for {
		before := p.seconds.Load()
		mean := held.Seconds()
		if before != 0 {
			mean = math.Float64frombits(before)
			mean += (held.Seconds() - mean) / 16
		}
		if p.seconds.CompareAndSwap(before, math.Float64bits(mean)) {
			return
		}
	}
}

// of is how long a number of turns will last, one after another: never 0.
func (p *pace) of(turns int) time.Duration {
	bits := p.seconds.Load()
	if bits == 0 {
		return retryDelay
	}
	seconds := math.Float64frombits(bits) * float64(turns)
	return max(time.Nanosecond, time.Duration(min(seconds, maxRetry)*float64(time.Second)))
}

// lineOf is how many turns the lines of the sessions that are busy now still
// have, on average.
func lineOf(l Locker) int {
	return 1 + l.Waiting()/max(l.Sessions(), 1)
}
