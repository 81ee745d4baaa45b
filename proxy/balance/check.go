package balance

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Watch checks the servers until ctx ends: at once, and then each interval. A
// server that comes meanwhile is checked at once, too. With Always all of them are
// checked, else only those that are out. It returns when no check is under way any
// more. It runs once a pool.
func (p *Pool) Watch(ctx context.Context) {
	select {
	case <-p.news: // all are checked now
	default:
	}
	due := time.Now()
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		var interval time.Duration
		select {
		case <-tick.C:
			interval = p.checkAll(ctx, false)
			due = time.Now().Add(interval)
		case <-p.news:
			interval = p.checkAll(ctx, true)
			if sooner := time.Now().Add(interval); sooner.Before(due) {
				due = sooner
			}
		case <-ctx.Done():
			return
		}
		tick.Reset(time.Until(due))
	}
}

// checkAll checks all servers at once, or those that have never been checked. It
// returns the time until the next ones.
func (p *Pool) checkAll(ctx context.Context, fresh bool) time.Duration {
	o, suspects := p.suspects(fresh)
	var all sync.WaitGroup
	for _, s := range suspects {
		all.Go(func() { p.check(ctx, s, o) })
	}
	all.Wait()
	return o.Interval - o.Interval/10 + rand.N(o.Interval/5+1)
}

// suspects are the servers to be checked, and how.
func (p *Pool) suspects(fresh bool) (o Options, list []*Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.servers {
		if (p.options.Always || s.out) && (s.fresh || !fresh) {
			list = append(list, s)
		}
	}
	return p.options, list
}

// check checks a server within the time-out. A check that is cut off says nothing:
// because the pool is not watched any more, or the server is leaving.
func (p *Pool) check(ctx context.Context, s *Server, o Options) {
	within, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	if !p.beginCheck(s, cancel) {
		return
	}
	defer p.endCheck(s)
	err := o.Check(within, s)
	if !errors.Is(within.Err(), context.Canceled) {
		p.checked(s, err)
	}
}

// beginCheck lets the server be until endCheck; false: it is leaving.
func (p *Pool) beginCheck(s *Server, cutOff func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.leaving {
		return false
	}
	s.fresh, s.cutOff = false, cutOff
	return true
}

func (p *Pool) endCheck(s *Server) {
	p.mu.Lock()
	s.cutOff = nil
	gone := p.doneLocked(s)
	p.mu.Unlock()
	if gone != nil {
		gone()
	}
}

// checked takes in what a check has found.
func (p *Pool) checked(s *Server, err error) {
	p.mu.Lock()
	var tell func()
	switch told := p.options; {
	case err == nil:
		s.failed = 0
		if p.comesInLocked(s) {
			tell = func() { told.In(s) }
		}
	default:
		s.passed, s.why = 0, err
		if s.failed++; s.failed >= p.options.Fall && p.goesOutLocked(s, err) {
			tell = func() { told.Out(s, err) }
		}
	}
	ready := p.admitLocked()
	p.mu.Unlock()
	ready.wake()
	if tell != nil {
		tell()
	}
}

// comesInLocked counts a check that was passed; true: it was the last that was
// needed.
func (p *Pool) comesInLocked(s *Server) bool {
	if !s.out || s.leaving {
		return false
	}
	if s.passed++; s.passed < p.options.Rise {
		return false
	}
	s.out, s.why = false, nil
	s.refused.Store(0)
	return true
}
