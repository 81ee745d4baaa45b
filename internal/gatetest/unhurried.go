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
	pauses := WatchPauses()
	defer pauses.Stop()
	unhurried(tb, first, try, func(since time.Time) time.Duration {
		_, longest := pauses.Since(since)
		return longest
	})
}

func unhurried(tb testing.TB, first time.Duration, try func(time.Duration) error, longest func(since time.Time) time.Duration) {
	tb.Helper()
	for timeout := first; ; timeout *= 2 {
		began := time.Now()
		err := try(timeout)
		pause := longest(began)
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
