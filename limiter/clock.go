package limiter

import "time"

// clock makes of the times that are passed in one that never goes back:
// rate.Limiter counts twice what lies between two times in the wrong order, and
// goroutines that race for a lock bring theirs in any.
type clock struct{ start, latest time.Time }

// tell returns the time, and the nanoseconds since the first one told.
func (c *clock) tell(now time.Time) (time.Time, int64) {
	if c.start.IsZero() {
		c.start, c.latest = now, now
	}
	if now.After(c.latest) {
		c.latest = now
	}
	return c.latest, c.at()
}

// at is the latest time told.
func (c *clock) at() int64 { return int64(c.latest.Sub(c.start)) }
