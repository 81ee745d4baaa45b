package proxy

import (
	"math"
	"strconv"
	"sync"
	"testing"
	"time"
)

// saysRetry says whether an answer's Retry-After lies within bounds.
func saysRetry(v *visit, least, most int) bool {
	seconds, err := strconv.Atoi(v.Header().Get("Retry-After"))
	return err == nil && seconds >= least && seconds <= most
}

func TestRetryAfterIsTheDelayAndARandomPartWithinBounds(t *testing.T) {
	const last = 1 - 1e-9 // the largest chance
	for _, c := range []struct {
		delay       time.Duration
		known       bool
		least, most int
	}{
		{0, false, 0, 0},
		{time.Nanosecond, false, 1, 2},
		{300 * time.Millisecond, false, 1, 2},
		{time.Second, false, 1, 3},
		{10 * time.Second, false, 10, 16},
		{time.Minute, false, 40, 60},
		{math.MaxInt64, false, 40, 60},
		{0, true, 0, 0},
		{time.Second, true, 1, 3},
		{time.Minute, true, 60, 81},
		{6 * time.Minute, true, 360, 381},
	} {
		if least, most := retrySeconds(c.delay, c.known, 0), retrySeconds(c.delay, c.known, last); least != c.least || most != c.most {
			t.Errorf("%v: from %d to %d, want %d to %d", c.delay, least, most, c.least, c.most)
		}
	}
}

func TestPaceFollowsTheTurnsOfLate(t *testing.T) {
	var p pace
	if got := p.of(10); got != retryDelay {
		t.Errorf("before any turn: %v", got)
	}
	p.note(200 * time.Millisecond)
	if got := p.of(5); got.Round(time.Millisecond) != time.Second {
		t.Errorf("five turns of 200 ms: %v", got)
	}
	for range 100 {
		p.note(2 * time.Second)
	}
	if got := p.of(1); got < 1900*time.Millisecond || got > 2*time.Second {
		t.Errorf("after a hundred turns of 2 s one is %v", got)
	}
	p.note(2 * time.Minute)
	if got := p.of(1); got > 10*time.Second {
		t.Errorf("after one outlier of 2 min a turn is %v", got)
	}
	if got := p.of(math.MaxInt); got != time.Minute {
		t.Errorf("without end: %v", got)
	}
	var none pace
	none.note(0)
	if got := none.of(3); got <= 0 {
		t.Errorf("turns without a length: %v, want a delay all the same", got)
	}
}

func TestPaceIsNotedByManyAtOnce(t *testing.T) {
	var p pace
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				p.note(time.Second)
			}
		})
	}
	all.Wait()
	if got := p.of(3); got != 3*time.Second {
		t.Errorf("three turns of 1 s: %v", got)
	}
}
