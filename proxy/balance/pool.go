package balance

import (
	"container/list"
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessiongate/sessiongate/proxy/admission"
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
	// in a row bring it back. Less than 1: 1.
	Fall, Rise int
	// Interval is the time between two checks, give or take a tenth, so that
	// gates do not check together; 0: 5 s. Timeout bounds one check; 0: 2 s. It may
	// not be off: a check that hangs would keep the other servers from theirs.
	Interval, Timeout time.Duration
	// Check finds out whether a server is well; nil: it is, so that one that went out
	// is tried again after Rise intervals. Always checks servers that are in, too;
	// else only those that are out.
	Check  func(context.Context, *Server) error
	Always bool
	// Out and In are told of a server that goes out, and why, or comes back, Gone of
	// one that is off the list, when nothing uses it any more. They may be called by
	// several goroutines at once. nil: nobody is told.
	Out  func(s *Server, why error)
	In   func(s *Server)
	Gone func(s *Server)
	// MaxInFlightPerClient is how many slots of all servers together one client
	// has at most; 0: no limit.
	MaxInFlightPerClient int
	// Reserve is how many slots of each server, beyond MaxInFlight, are for each
	// level of requests that others wait for (Request.Called).
	Reserve int
	// MaxQueued is how many requests wait for a slot at most; 0: no limit.
	MaxQueued int
}

// Pool is the servers of one upstream. It may be used by many goroutines.
type Pool struct {
	bounded   atomic.Bool   // somebody may have to wait
	bySession atomic.Bool   // as options.Method says
	news      chan struct{} // has one place; for Watch

	mu      sync.Mutex
	options Options
	servers []*Server // that may be chosen
	leaving []*Server // that are not on the list any more, and are still used
	next    int       // where the next choice begins
	queue   *admission.Queue
	moving  list.List            // of *waiter: those that a server has refused, before the queue
	called  [maxCalled]list.List // of *waiter: those that others wait for, by level; the last goes first
}

// New makes a pool of servers.
func New(o Options, servers ...*Server) *Pool {
	p := &Pool{queue: admission.New(0, 0), news: make(chan struct{}, 1)}
	p.Set(o, servers...)
	return p
}

// BySession says whether Take asks for a session's key.
func (p *Pool) BySession() bool { return p.bySession.Load() }

// chooseLocked chooses among the servers with a free slot: those that are in, or
// where none is in those that are out. at is -1 where there is none; full says
// that one will come free. It begins behind the one that was chosen last, so that
// of equal ones each has its turn.
func (p *Pool) chooseLocked(r Request, tried []*Server) (at int, full bool) {
	for _, out := range []bool{false, true} {
		if at, full = p.bestLocked(r, tried, out); at >= 0 || full {
			return at, full
		}
	}
	return -1, false
}

// bestLocked looks at the servers that are in, or at those that are out.
func (p *Pool) bestLocked(r Request, tried []*Server, out bool) (at int, full bool) {
	at = -1
	beyond := r.level() * p.options.Reserve
	for i := range p.servers {
		i = (p.next + i) % len(p.servers)
		s := p.servers[i]
		if s.out != out || slices.Contains(tried, s) {
			continue
		}
		if s.MaxInFlight > 0 && s.inFlight >= s.MaxInFlight+beyond {
			full = true
			continue
		}
		if at < 0 || p.prefers(s, p.servers[at], r.Session) {
			at = i
		}
	}
	return at, full && at < 0
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

// Status lists the servers in the order of the configuration, and behind them
// those that are leaving.
func (p *Pool) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Status, 0, len(p.servers)+len(p.leaving))
	for _, s := range slices.Concat(p.servers, p.leaving) {
		one := Status{Server: s, In: !s.out && !s.leaving, Leaving: s.leaving, InFlight: s.inFlight, MaxInFlight: s.MaxInFlight}
		if s.out {
			one.Why = s.why
		}
		all = append(all, one)
	}
	return all
}

// goesOutLocked takes a server out; false: it was out already, or is leaving.
func (p *Pool) goesOutLocked(s *Server, why error) bool {
	if s.out || s.leaving {
		return false
	}
	s.out, s.why, s.passed = true, why, 0
	return true
}
