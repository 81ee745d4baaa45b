package balance

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

// Method says how a server is chosen.
type Method int

const (
	// LeastInFlight chooses the server with the fewest requests in flight; of
	// several, one after the other.
	LeastInFlight Method = iota
	// RoundRobin chooses one server after the other.
	RoundRobin
	// Session chooses the same server for the same session, by rendezvous
	// hashing: a server that comes or goes moves no other server's sessions.
	// Without a session it is LeastInFlight.
	Session
)

// Key is a session's, as evenly spread as a hash. The zero value is no session.
type Key [16]byte

// Options say how servers are chosen, and when they are out.
type Options struct {
	Method Method
	// Fall is how many failures in a row take a server out, Rise how many checks
	// in a row bring it back. Both are at least 1.
	Fall, Rise int
	// Interval is the time between two checks, give or take a tenth, so that
	// gates do not check together. Timeout bounds one check.
	Interval, Timeout time.Duration
	// Always checks servers that are in, too; else only those that are out.
	Always bool
	// Out and In are told of a server that goes out, and why, or comes back.
	// They may be called by several goroutines at once.
	Out func(s *Server, why error)
	In  func(s *Server)
}

// Pool is the servers of one upstream. It may be used by many goroutines.
type Pool struct {
	options Options

	mu      sync.Mutex
	servers []*Server // never changed, only replaced
	next    int       // where the next choice begins
}

// New makes a pool of servers.
func New(o Options, servers ...*Server) *Pool {
	if o.Out == nil {
		o.Out = func(*Server, error) {}
	}
	if o.In == nil {
		o.In = func(*Server) {}
	}
	o.Fall, o.Rise = max(o.Fall, 1), max(o.Rise, 1)
	p := &Pool{options: o}
	p.SetServers(servers...)
	return p
}

// SetServers replaces the list. Servers that are not in it any more are drained.
func (p *Pool) SetServers(servers ...*Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.servers {
		s.draining = s.draining || !slices.Contains(servers, s)
	}
	for _, s := range servers {
		s.pool = p
	}
	p.servers = slices.Clone(servers)
}

// BySession says whether Take asks for a session's key.
func (p *Pool) BySession() bool { return p.options.Method == Session }

// Take chooses a server and takes a slot on it. Servers that were tried are left
// out; ok is false where none is left.
func (p *Pool) Take(key Key, tried ...*Server) (slot Slot, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.chooseLocked(key, tried, false)
	if s == nil {
		s = p.chooseLocked(key, tried, true)
	}
	if s == nil {
		return Slot{}, false
	}
	s.inFlight++
	return Slot{server: s, refused: s.refused.Load()}, true
}

// chooseLocked looks at the servers that are in, or at those that are out; nil:
// there is none. It begins behind the one that was chosen last, so that of equal
// ones each has its turn.
func (p *Pool) chooseLocked(key Key, tried []*Server, out bool) *Server {
	var best *Server
	at := p.next
	for i := range p.servers {
		i = (p.next + i) % len(p.servers)
		s := p.servers[i]
		if s.draining || s.out != out || slices.Contains(tried, s) {
			continue
		}
		if best == nil || p.prefers(s, best, key) {
			best, at = s, i+1
		}
	}
	p.next = at
	return best
}

// prefers tells whether s is a better choice than one that was looked at before.
func (p *Pool) prefers(s, other *Server, key Key) bool {
	switch {
	case p.options.Method == RoundRobin:
		return false
	case p.options.Method == Session && key != Key{}:
		return s.weight(key) > other.weight(key)
	}
	return s.inFlight < other.inFlight
}

// weight is the server's in the eyes of one session: as if at random, and the
// same each time. The mixing is the finalizer of SplitMix64 (Steele, Lea,
// Flood: Fast Splittable Pseudorandom Number Generators, 2014).
func (s *Server) weight(key Key) uint64 {
	x := s.hash ^ binary.LittleEndian.Uint64(key[:])
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Status lists the servers in the order of the configuration.
func (p *Pool) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Status, len(p.servers))
	for i, s := range p.servers {
		all[i] = Status{Server: s, In: !s.out && !s.draining, Draining: s.draining, InFlight: s.inFlight}
		if s.out {
			all[i].Why = s.why
		}
	}
	return all
}

// goesOutLocked takes a server out; false: it was out already.
func (p *Pool) goesOutLocked(s *Server, why error) bool {
	if s.out {
		return false
	}
	s.out, s.why, s.passed = true, why, 0
	return true
}
