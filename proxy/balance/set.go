package balance

import (
	"context"
	"slices"
	"time"
)

// Set has the pool go by other options and another list of servers. A server whose
// address is in it goes on with what it has: its requests, its health, its Transport.
// It only takes MaxInFlight over, and the new one is returned as unused. That is so,
// too, where it was leaving; then it is in, as a new one is.
//
// Servers that are not in the list are leaving: they get no new request. Who runs
// there goes on; who waits goes to others, or has ErrNoServer where there are none.
// Nobody gives way to a bound that is lower than before: it is kept as requests end.
func (p *Pool) Set(o Options, servers ...*Server) (unused []*Server) {
	p.mu.Lock()
	p.options = o.whole()
	p.queue.Bound(o.MaxQueued, o.MaxInFlightPerClient)
	known := slices.Concat(p.servers, p.leaving)
	list := make([]*Server, len(servers))
	for i, s := range servers {
		list[i] = p.listedLocked(s, known)
		if list[i] != s {
			unused = append(unused, s)
		}
	}
	p.servers = list
	tell := p.partLocked(known)
	p.bySession.Store(o.Method == Session)
	p.bounded.Store(o.MaxInFlightPerClient > 0 || slices.ContainsFunc(list, func(s *Server) bool { return s.MaxInFlight > 0 }))
	ready := p.admitLocked()
	p.mu.Unlock()
	ready.wake()
	tell()
	select {
	case p.news <- struct{}{}:
	default: // Watch has not seen the last ones yet
	}
	return unused
}

// Clear takes all servers off the list.
func (p *Pool) Clear() {
	p.mu.Lock()
	o := p.options
	p.mu.Unlock()
	p.Set(o)
}

const (
	defaultInterval = 5 * time.Second
	defaultTimeout  = 2 * time.Second
)

// whole fills in what need not be said.
func (o Options) whole() Options {
	if o.Out == nil {
		o.Out = func(*Server, error) {}
	}
	if o.In == nil {
		o.In = func(*Server) {}
	}
	if o.Gone == nil {
		o.Gone = func(*Server) {}
	}
	if o.Check == nil {
		o.Check = func(context.Context, *Server) error { return nil }
	}
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	o.Fall, o.Rise = max(o.Fall, 1), max(o.Rise, 1)
	return o
}

// listedLocked is the server of the pool that has the address of s, or s.
func (p *Pool) listedLocked(s *Server, known []*Server) *Server {
	one := s
	if at := slices.IndexFunc(known, func(other *Server) bool { return other.Address == s.Address }); at >= 0 {
		one = known[at]
	}
	if one.pool != p {
		one.pool = p // read without the mutex
		one.fresh = true
	}
	if one.leaving {
		one.leaving, one.fresh = false, true
		one.out, one.why, one.failed, one.passed = false, nil, 0, 0
		one.refused.Store(0)
	}
	one.MaxInFlight = s.MaxInFlight
	return one
}

// partLocked has those go that are not on the list any more. What it returns is to
// be called without the mutex.
func (p *Pool) partLocked(known []*Server) (tell func()) {
	var gone []*Server
	p.leaving = nil
	for _, s := range known {
		if slices.Contains(p.servers, s) {
			continue
		}
		s.leaving = true
		if s.cutOff != nil {
			s.cutOff()
		}
		if s.usedLocked() {
			p.leaving = append(p.leaving, s)
		} else {
			gone = append(gone, s)
		}
	}
	told := p.options.Gone
	return func() {
		for _, s := range gone {
			told(s)
		}
	}
}

// usedLocked says whether a request or a check is with the server.
func (s *Server) usedLocked() bool { return s.inFlight > 0 || s.cutOff != nil }

// doneLocked is called when a request or a check has ended. What it returns is to
// be called without the mutex; nil: nothing.
func (p *Pool) doneLocked(s *Server) (tell func()) {
	if !s.leaving || s.usedLocked() {
		return nil
	}
	p.leaving = slices.DeleteFunc(p.leaving, func(other *Server) bool { return other == s })
	told := p.options.Gone
	return func() { told(s) }
}
