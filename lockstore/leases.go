package lockstore

import (
	"errors"
	"sync"
	"time"
)

// leases is a gate's part in the locking between gates: its lines, and for each
// the lease that it has or asks for. What happens to one lease stands in
// lease.go; here is what they share, and the way in and out.
//
// The mutex is never held over a call: what has to be sent is put into outbox
// and goes out when the mutex is free again; so it is with events.
type leases struct {
	timing    timing
	clock     clock
	transport transport
	events    Events
	jitter    func(time.Duration) time.Duration
	start     time.Time // what monotonic microseconds count from

	mu           sync.Mutex
	crowd        crowd
	bySession    map[Key]*lease
	conversation uint64 // the last one begun
	calls        uint64 // how many were made
	servers      map[string]*server
	lingering    []*lease // to be left when the timer that the first one has set goes off
	outbox       []any    // of turnCall and renewCall
	untold       []func() // events
	telling      bool     // somebody does
	leaving      int      // of bySession: nobody asks for them, their last call is under way
	closed       bool
}

func newLeases(limits Limits, t timing, c clock, events Events) *leases {
	return &leases{
		timing:    t,
		clock:     c,
		events:    events,
		jitter:    jitter,
		start:     c.now(),
		crowd:     newCrowd(limits),
		bySession: make(map[Key]*lease),
		servers:   make(map[string]*server),
	}
}

// locked runs f with the mutex held and then sends what f has put into the
// outbox.
func (s *leases) locked(f func()) {
	s.mu.Lock()
	f()
	out := s.outbox
	s.outbox = nil
	closed := s.closed
	tell := len(s.untold) > 0 && !s.telling
	s.telling = s.telling || tell
	s.mu.Unlock()
	for _, item := range out {
		switch item := item.(type) {
		case turnCall:
			if closed {
				continue
			}
			s.transport.turn(item, func(r turnReply, err error) { s.answered(item, r, err) })
		case renewCall:
			if closed {
				continue
			}
			s.transport.renew(item, func(r renewReply, err error) { s.renewed(item, r, err) })
		}
	}
	if tell {
		s.tellAll()
	}
}

// tell has an event called once the mutex is free, in its order.
func (s *leases) tell(f func()) { s.untold = append(s.untold, f) }

// tellAll is run by one goroutine at a time: that a server is away must not be
// told after that it is back.
func (s *leases) tellAll() {
	for {
		s.mu.Lock()
		events := s.untold
		s.untold = nil
		s.telling = len(events) > 0
		s.mu.Unlock()
		if len(events) == 0 {
			return
		}
		for _, f := range events {
			f()
		}
	}
}

func (s *leases) bound(limits Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.crowd.limits = limits
}

func (s *leases) check(r Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkLocked(r)
}

func (s *leases) checkLocked(r Request) error {
	l := s.bySession[r.Key]
	if r.NoFallback && (l == nil && s.serverOf(r.Key).breaker.open || l != nil && l.state == alone) {
		return ErrAway
	}
	return s.crowd.check(l.taken(), r)
}

// enter puts a ticket at the end of its line and, where it is the first, sees
// to the lease.
func (s *leases) enter(r Request) (t *ticket, err error) {
	s.locked(func() {
		if s.closed {
			err = ErrClosed
			return
		}
		if err = s.checkLocked(r); err != nil {
			return
		}
		l := s.bySession[r.Key]
		if l == nil {
			l = &lease{of: s, key: r.Key, server: s.serverOf(r.Key)}
			s.bySession[r.Key] = l
		}
		l.stay()
		t = s.crowd.join(&l.line, r, s.clock.now())
		l.advance()
	})
	return t, err
}

// ErrClosed says that the store was closed.
var ErrClosed = errors.New("lockstore: the store is closed")

func (s *leases) depart(t *ticket) (left bool) {
	s.locked(func() {
		if t.settled() {
			return
		}
		l := s.bySession[t.request.Key]
		first := l.first == t
		s.crowd.leave(&l.line, t)
		if first && l.state == asking && l.waiting > 0 {
			l.poll() // the next one must not inherit the place
		}
		l.advance()
		left = true
	})
	return left
}

// finish ends the running turn of a lease.
func (s *leases) finish(l *lease, e Ending) (cause error) {
	s.locked(func() { cause = l.finish(e) })
	return cause
}

// ring passes an alarm on, unless another was set since.
func (s *leases) ring(l *lease, alarm uint64) {
	s.locked(func() {
		if l.alarms == alarm {
			l.ring()
		}
	})
}

// linger keeps a lease for a moment in which its session may come again: that
// spares both calls. Those of a moment are given back together, in one pipeline.
func (s *leases) linger(l *lease) {
	s.lingering = append(s.lingering, l)
	if len(s.lingering) == 1 {
		s.clock.afterFunc(s.timing.linger, s.leaveLingering)
	}
}

func (s *leases) leaveLingering() {
	s.locked(func() {
		for _, l := range s.lingering {
			if l.lingers() {
				l.leave()
			}
			l.lingering = false
		}
		s.lingering = nil
	})
}

// answered takes in the answer to a turnCall.
func (s *leases) answered(c turnCall, r turnReply, err error) {
	s.locked(func() {
		s.judge(c.node, c.key, c.sent, r.now, err)
		l := s.bySession[c.key]
		if r.overlapped && l != nil && l.last == c.serial && s.clock.now().Before(c.until) && s.events.Overlapped != nil {
			s.tell(func() { s.events.Overlapped(c.key) })
		}
		switch {
		case c.ask == 0 && l != nil:
			l.left(c, err)
		case c.ask == 0:
		case l != nil && l.conversation == c.ask:
			l.answered(c, r, err)
		case err == nil && r.mine():
			s.cancel(c.key, c.ask)
		}
	})
}

// renewed takes in the answer to a renewCall.
func (s *leases) renewed(c renewCall, r renewReply, err error) {
	s.locked(func() {
		s.judge(c.node, c.key, c.sent, r.now, err)
		if l := s.bySession[c.key]; l != nil && l.conversation == c.conversation && (l.state == holding || l.state == abandoned) {
			l.renewed(c, r, err)
		}
	})
}

// granted takes in a message.
func (s *leases) granted(g grant) {
	s.locked(func() {
		if l := s.bySession[g.key]; l != nil && l.conversation == g.conversation {
			l.granted(g)
			return
		}
		s.cancel(g.key, g.conversation)
	})
}

// wanted takes in the message that another gate waits for the lease.
func (s *leases) wanted(k Key, conversation uint64) {
	s.locked(func() {
		if l := s.bySession[k]; l != nil && l.conversation == conversation {
			l.wanted()
			return
		}
		s.cancel(k, conversation)
	})
}

// outdated takes in the message that another gate's turn has outdated a key.
func (s *leases) outdated(k Key) {
	s.locked(func() {
		if l := s.bySession[k]; l != nil {
			l.outdate()
		}
	})
}

// cancel ends a conversation that is not live but that Redis takes for one:
// exactly that one, for the next may have begun.
func (s *leases) cancel(k Key, conversation uint64) {
	if l := s.bySession[k]; l != nil {
		if conversation <= l.over && !l.leaving {
			return // a call under way says so; to overtake it would hand on what it asks for
		}
		l.last = 0
	}
	s.outbox = append(s.outbox, turnCall{key: k, node: s.serverOf(k).name, over: conversation, sent: s.clock.now()})
}

// reconnected: messages may have been lost, and the other end may be another
// server than before. Those that ask do so again, one after the other: thousands
// at once would keep calls of others waiting.
func (s *leases) reconnected() {
	s.locked(func() {
		for _, known := range s.servers {
			known.bound.forget(s.clock.now())
		}
		in := time.Duration(0)
		for _, l := range s.bySession {
			if l.state == asking {
				l.wake(in)
				in = min(in+pollApart, s.timing.poll)
			}
		}
	})
}

// pollApart is the time between two of those calls.
const pollApart = 50 * time.Microsecond

// close stops every alarm; nothing is sent any more.
func (s *leases) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range s.bySession {
		l.disarm()
		for l.first != nil {
			s.crowd.fail(&l.line, l.first, ErrClosed)
		}
	}
}
