package proxy

import (
	"context"
	"time"
)

// runners are goroutines that are used for one run after another. A new
// goroutine begins with a small stack, which the way through net/http or
// FastCGI has to grow each time; that is a twentieth of what a request costs.
type runners struct {
	idle    chan *run     // unbuffered: a send succeeds only where a goroutine is idle
	places  chan struct{} // taken by idle goroutines
	stop    context.Context
	working *tracker // goroutines, idle ones too
}

const (
	// maxIdleRunners bounds the goroutines that are kept, a few kilobytes each.
	maxIdleRunners = 256
	// maxRunnerIdle is how long they are kept.
	maxRunnerIdle = 5 * time.Second
)

func newRunners(stop context.Context) *runners {
	return &runners{
		idle:    make(chan *run),
		places:  make(chan struct{}, maxIdleRunners),
		stop:    stop,
		working: new(tracker),
	}
}

// start runs r at once, on an idle goroutine or a new one.
func (p *runners) start(r *run) {
	select {
	case p.idle <- r:
	default:
		p.working.add()
		go p.work(r)
	}
}

// work runs r and whatever comes next, until nothing comes for a while.
func (p *runners) work(r *run) {
	defer p.working.done()
	enough := time.NewTimer(maxRunnerIdle)
	defer enough.Stop()
	for r != nil {
		r.do()
		enough.Reset(maxRunnerIdle)
		r = p.next(enough.C)
	}
}

// next waits for another run; nil: the goroutine is not needed any more.
func (p *runners) next(enough <-chan time.Time) *run {
	select {
	case p.places <- struct{}{}:
	default:
		return nil
	}
	defer func() { <-p.places }()
	select {
	case r := <-p.idle:
		return r
	case <-enough:
	case <-p.stop.Done():
	}
	return nil
}
