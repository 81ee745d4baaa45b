package main

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{9, 1, 2, 4}, 3},
	} {
		if got := median(tc.values); got != tc.want {
			t.Errorf("median(%v) = %v, want %v", tc.values, got, tc.want)
		}
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = 100 - i
	}
	for _, tc := range []struct {
		values  []int
		p, want int
	}{
		{nil, 99, 0},
		{[]int{7}, 99, 7},
		{[]int{7}, 0, 7},
		{hundred, 99, 99},
		{hundred, 50, 50},
		{hundred, 100, 100},
		{hundred[:50], 99, 100}, // too few for a hundredth: the worst one
	} {
		if got := percentile(tc.values, tc.p); got != tc.want {
			t.Errorf("percentile of %d values, %d = %d, want %d", len(tc.values), tc.p, got, tc.want)
		}
	}
}

func TestLostAndOvertaken(t *testing.T) {
	for _, tc := range []struct {
		counts          []int
		lost, overtaken int
	}{
		{[]int{1, 2, 3, 4}, 0, 0},
		{[]int{1, 1, 2, 2}, 2, 0},
		{[]int{1, 3, 2, 4}, 0, 1},
		{[]int{4, 1, 2, 3}, 0, 1},
	} {
		if lost, over := lostUpdates(tc.counts), overtaken(tc.counts); lost != tc.lost || over != tc.overtaken {
			t.Errorf("%v: %d lost and %d overtaken, want %d and %d", tc.counts, lost, over, tc.lost, tc.overtaken)
		}
	}
}

func TestAQuickRunTakesTheBestRound(t *testing.T) {
	rounds := []time.Duration{3, 1, 8}
	if got := (plan{quick: true}).typical(rounds); got != 1 {
		t.Errorf("a quick run takes %d", got)
	}
	if got := (plan{}).typical(rounds); got != 3 {
		t.Errorf("a whole run takes %d", got)
	}
}

func TestATailCountsForTheLeastThatThePlanSays(t *testing.T) {
	p := plan{leastTail: 25 * time.Millisecond}
	for _, tc := range []struct {
		name          string
		subject, base time.Duration
		want          float64
	}{
		{"one that is longer", 100 * time.Millisecond, 50 * time.Millisecond, 2},
		{"one that is shorter", 50 * time.Millisecond, 7 * time.Millisecond, 2},
		{"none", 50 * time.Millisecond, 0, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := p.overTail(tc.subject, tc.base); got != tc.want {
				t.Errorf("overTail(%s, %s) = %v, want %v", tc.subject, tc.base, got, tc.want)
			}
		})
	}
}

func TestOvertakenByAnyCountsWhoeverWasServedAfterALaterOne(t *testing.T) {
	for _, tc := range []struct {
		name   string
		counts []int
		want   int
	}{
		{"in order", []int{1, 2, 3, 4}, 0},
		{"one that waits for the last", []int{4, 1, 2, 3}, 1},
		{"one that slips in front of all", []int{2, 3, 4, 1}, 3},
		{"lost updates are not changes of order", []int{1, 1, 2, 2}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := overtakenByAny(tc.counts); got != tc.want {
				t.Errorf("overtakenByAny(%v) = %d, want %d", tc.counts, got, tc.want)
			}
		})
	}
}
