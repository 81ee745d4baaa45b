package lockstore

import "time"

// clock is what a store knows of time. It is injected so that a test can hold
// it, or let it jump as it does for a process that was stopped.
type clock struct {
	now       func() time.Time // monotonic
	afterFunc func(time.Duration, func()) (stop func() bool)
}

func systemClock() clock {
	return clock{
		now:       time.Now,
		afterFunc: func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop },
	}
}
