package proxy

import "context"

// runners are goroutines that are used for one run after another. A new
// goroutine begins with a small stack, which the way through net/http or
// FastCGI has to grow each time; that is a twentieth of what a request costs.
type runners struct {
	idle chan *run     // unbuffered: a send succeeds only where a goroutine is idle
	free chan struct{} // places for idle goroutines
	stop context.Context

	working *tracker // goroutines, idle ones too
}

// maxIdleRunners bounds the goroutines that are kept, a few kilobytes each.
const maxIdleRunners = 256

func newRunners(stop context.Context) *runners {
	return &runners{idle: make(chan *run), free: make(chan struct{}, maxIdleRunners), stop: stop, working: newTracker()}
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

// work runs r and whatever comes next, until enough others are idle.
func (p *runners) work(r *run) {
	defer p.working.done()
	for {
		r.do()
		select {
		case p.free <- struct{}{}:
		default:
			return
		}
		select {
		case r = <-p.idle:
			<-p.free
		case <-p.stop.Done():
			return
		}
	}
}
