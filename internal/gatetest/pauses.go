package gatetest

import (
	"sync"
	"time"
)

// Pauses are the times in which this process stood still, though it had something
// to do: the machine was busy with others, or was itself halted. Nothing that is
// measured against a clock can be held to that time.
type Pauses struct {
	end, ended chan struct{}

	mu   sync.Mutex
	last time.Time // when it went on for sure
	seen []pause   // in their order, at most pausesKept
}

type pause struct {
	until  time.Time
	length time.Duration
}

const (
	// pausesEvery is how often a process that goes on shows that it does.
	pausesEvery = 5 * time.Millisecond
	pausesKept  = 10_000
)

// WatchPauses begins to look for pauses; Stop ends that.
func WatchPauses() *Pauses {
	p := &Pauses{end: make(chan struct{}), ended: make(chan struct{}), last: time.Now()}
	go p.watch()
	return p
}

func (p *Pauses) watch() {
	defer close(p.ended)
	tick := time.NewTicker(pausesEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.goOn(time.Now())
		case <-p.end:
			return
		}
	}
}

// goOn notes how late a tick is.
func (p *Pauses) goOn(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if late := now.Sub(p.last) - pausesEvery; late > 0 {
		p.seen = append(p.seen, pause{now, late})
		p.seen = p.seen[max(len(p.seen)-pausesKept, 0):]
	}
	p.last = now
}

// Since is how long the pauses were since a moment: all of them together, and the
// longest.
func (p *Pauses) Since(moment time.Time) (all, longest time.Duration) {
	p.goOn(time.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, seen := range p.seen {
		if length := min(seen.length, seen.until.Sub(moment)); length > 0 {
			all, longest = all+length, max(longest, length)
		}
	}
	return all, longest
}

// Stop returns when nobody looks any more.
func (p *Pauses) Stop() {
	close(p.end)
	<-p.ended
}
