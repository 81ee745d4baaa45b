package balance

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Watch checks the servers until ctx ends: at once, and then each interval.
// With Always all of them are checked, else only those that are out. It returns
// when no check is under way any more.
func (p *Pool) Watch(ctx context.Context, check func(context.Context, *Server) error) {
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		p.checkAll(ctx, check)
		tick.Reset(p.options.Interval - p.options.Interval/10 + rand.N(p.options.Interval/5+1))
	}
}

// checkAll checks all servers at once, each within the time-out.
func (p *Pool) checkAll(ctx context.Context, check func(context.Context, *Server) error) {
	var all sync.WaitGroup
	for _, s := range p.suspects() {
		all.Go(func() {
			within, cancel := context.WithTimeout(ctx, p.options.Timeout)
			defer cancel()
			err := check(within, s)
			if ctx.Err() == nil { // else the check was cut off
				p.checked(s, err)
			}
		})
	}
	all.Wait()
}

// suspects are the servers to be checked.
func (p *Pool) suspects() []*Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*Server
	for _, s := range p.servers {
		if !s.draining && (p.options.Always || s.out) {
			list = append(list, s)
		}
	}
	return list
}

// checked takes in what a check has found.
func (p *Pool) checked(s *Server, err error) {
	p.mu.Lock()
	var out, in bool
	if err != nil {
		s.passed, s.why = 0, err
		if s.failed++; s.failed >= p.options.Fall {
			out = p.goesOutLocked(s, err)
		}
	} else {
		s.failed = 0
		in = p.comesInLocked(s)
	}
	ready := p.admitLocked()
	p.mu.Unlock()
	ready.wake()
	switch {
	case out:
		p.options.Out(s, err)
	case in:
		p.options.In(s)
	}
}

// comesInLocked counts a check that was passed; true: it was the last that was
// needed.
func (p *Pool) comesInLocked(s *Server) bool {
	if !s.out {
		return false
	}
	if s.passed++; s.passed < p.options.Rise {
		return false
	}
	s.out, s.why = false, nil
	s.refused.Store(0)
	return true
}
