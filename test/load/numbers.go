package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// median is the middle value, or the mean of the two middle ones; 0 for none.
func median[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// typical is what rounds have shown, their median. A quick run has few, and takes
// the best of them: what is broken is so in each, other work of the machine is not.
func (p plan) typical(rounds []time.Duration) time.Duration {
	if p.quick && len(rounds) > 0 {
		return slices.Min(rounds)
	}
	return median(rounds)
}

// ofRounds says what typical is.
func (p plan) ofRounds(n int) string {
	if p.quick {
		return fmt.Sprintf("best of %d rounds", n)
	}
	return fmt.Sprintf("median of %d rounds", n)
}

// percentile is the smallest value that at least p of 100 values do not exceed
// (nearest rank); the zero value for none.
func percentile[T cmp.Ordered](values []T, p int) T {
	if len(values) == 0 {
		var zero T
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// ratio of two durations; 0 where there is nothing to divide by.
func ratio(subject, base time.Duration) float64 {
	if base == 0 {
		return 0
	}
	return float64(subject) / float64(base)
}

// overTail is the ratio of a tail to that of visitors that nobody is beside.
func (p plan) overTail(subject, base time.Duration) float64 {
	return ratio(subject, max(base, p.leastTail))
}

func inMicros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
