package gatetest

import (
	"testing"
	"time"
)

// lengthenings is how often Unhurried tries again.
const lengthenings = 3

// Unhurried tries what must hold for a time-out of any length: that whoever does
// a little within each is not cut off, say. It begins with a short one. On a
// machine that stands still for a good part of it the time-out passes by nobody's
// fault; then all is tried once more, with twice the time-out. What fails on a
// machine that went on all the time fails at once.
func Unhurried(tb testing.TB, first time.Duration, try func(timeout time.Duration) error) {
	tb.Helper()
	unhurried(tb, first, try, watchPauses)
}

func unhurried(tb testing.TB, first time.Duration, try func(time.Duration) error, watch func() (longest func() time.Duration)) {
	tb.Helper()
	for timeout := first; ; timeout *= 2 {
		longest := watch()
		err := try(timeout)
		pause := longest()
		if err == nil {
			return
		}
		if pause < timeout/20 || timeout >= first<<lengthenings {
			tb.Fatalf("with a time-out of %v, while this process stood still for %v at the longest: %v", timeout, pause, err)
			return
		}
		tb.Logf("once more, for this process stood still for %v: with a time-out of %v: %v", pause, timeout, err)
	}
}

// watchPauses begins to look how long this process stands still at a time.
func watchPauses() (longest func() time.Duration) {
	end, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		const every = 5 * time.Millisecond
		tick := time.NewTicker(every)
		defer tick.Stop()
		var most time.Duration
		for last := time.Now(); ; {
			select {
			case <-tick.C:
			case <-end:
				worst <- max(most, time.Since(last)-every)
				return
			}
			now := time.Now()
			most, last = max(most, now.Sub(last)-every), now
		}
	}()
	return func() time.Duration {
		close(end)
		return <-worst
	}
}
