package lockstore

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"time"
)

// scriptModel is turn.lua and renew.lua once more, in Go and on a clock of its
// own, for tests that need Redis without its time. TestScriptsDoAsTheirModel
// compares the two.
type scriptModel struct {
	now      int64 // Redis time, microseconds
	sessions map[Key]*sessionModel
	// publish hands a message to a gate and returns how many have heard it.
	publish func(gate, message string) int
	// took is told of every lease that is given.
	took func(k Key, owner string, conversation, token uint64)
	// ranOut: the call under way has found a lease that had run out.
	ranOut bool
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

// scriptArgs are the arguments that never change in a gate.
type scriptArgs struct {
	gate                      string
	ttl, keep, confirm, alive time.Duration
	heard                     bool
}

func (t timing) args(gate string, heard bool) scriptArgs {
	return scriptArgs{gate: gate, ttl: t.ttl, keep: t.keep(), confirm: t.confirm, alive: t.alive(), heard: heard}
}

type sessionModel struct {
	owner               string // "": free
	conversation, token uint64
	leaseUntil          int64
	ttl                 time.Duration // with which it was given
	entries             map[string]entryModel
	fence               uint64
	until               int64 // when all this is forgotten
}

type entryModel struct {
	arrival      int64
	conversation uint64
	alive        int64
}

func newScriptModel() *scriptModel {
	return &scriptModel{
		sessions: make(map[Key]*sessionModel),
		publish:  func(string, string) int { return 0 },
		took:     func(Key, string, uint64, uint64) {},
	}
}

// session returns a session without what has expired.
func (m *scriptModel) session(k Key) *sessionModel {
	s := m.sessions[k]
	if s == nil || s.until <= m.now {
		s = &sessionModel{entries: make(map[string]entryModel)}
		m.sessions[k] = s
	}
	return s
}

// unknown says that Redis keeps nothing of a session.
func (s *sessionModel) unknown() bool { return s.fence == 0 && s.owner == "" && len(s.entries) == 0 }

// sync takes in the time: a lease may have run out, or the clock may have been
// set back, so that it, or a gate that waits, would seem to last for longer.
func (m *scriptModel) sync(s *sessionModel, a scriptArgs) {
	m.ranOut = false
	if s.owner != "" {
		s.leaseUntil = min(s.leaseUntil, m.after(s.ttl))
		m.ranOut = s.leaseUntil <= m.now
	}
	if m.ranOut {
		m.ranOut = s.owner != a.gate
		s.owner = ""
	}
	for who, e := range s.entries {
		e.alive = min(e.alive, m.after(a.alive))
		s.entries[who] = e
	}
}

func (m *scriptModel) after(d time.Duration) int64 { return m.now + d.Microseconds() }

func (m *scriptModel) turn(a scriptArgs, c turnCall) turnReply {
	s := m.session(c.key)
	if c.ask == 0 && c.spent == 0 && s.unknown() {
		return turnReply{}
	}
	defer m.save(s, a)
	overlapped := m.end(s, a, c)
	m.sync(s, a)
	if c.outdates {
		m.outdate(s, a, c.key)
	}
	r := m.goOn(s, a, c)
	r.overlapped = overlapped
	return r
}

// outdate tells the other gates that wait.
func (m *scriptModel) outdate(s *sessionModel, a scriptArgs, k Key) {
	for _, who := range s.waiting() {
		if who != a.gate {
			m.publish(who, fmt.Sprintf("outdated %x", k[:]))
		}
	}
}

// goOn is what a call does once the conversations before are over.
func (m *scriptModel) goOn(s *sessionModel, a scriptArgs, c turnCall) turnReply {
	switch {
	case c.ask == 0:
		if s.owner == "" {
			m.hand(s, a, c.key)
		}
		return turnReply{}
	case s.owner == a.gate && s.conversation > c.ask:
		return turnReply{outcome: stale}
	case s.owner == a.gate && s.conversation == c.ask:
		s.prolong(m, a.ttl)
		return turnReply{outcome: kept, token: s.token, waiting: len(s.entries), now: m.now}
	}
	return m.ask(s, a, c)
}

// save keeps a session, for at least as long as a lease in it lasts.
func (m *scriptModel) save(s *sessionModel, a scriptArgs) {
	s.until = m.after(a.keep)
	if s.owner != "" {
		s.until = max(s.until, s.leaseUntil)
	}
}

// end takes in what has ended.
func (m *scriptModel) end(s *sessionModel, a scriptArgs, c turnCall) (overlapped bool) {
	if c.over > 0 {
		mine := s.owner == a.gate && s.conversation <= c.over
		overlapped = c.spent > 0 && s.fence > c.spent && !(mine && s.token <= c.spent)
		if mine {
			s.owner = ""
		}
		if e, ok := s.entries[a.gate]; ok && e.conversation <= c.over {
			delete(s.entries, a.gate)
		}
	}
	s.fence = max(s.fence, c.spent)
	return overlapped
}

// ask goes on with a conversation that does not have the lease.
func (m *scriptModel) ask(s *sessionModel, a scriptArgs, c turnCall) turnReply {
	if s.owner == a.gate {
		s.owner = ""
	}
	if s.owner != "" || len(s.entries) > 0 {
		if s.entries[a.gate].conversation > c.ask {
			return turnReply{outcome: stale}
		}
		arrival := min(c.arrival, m.now)
		if c.arrival <= 0 {
			arrival = m.now + c.arrival
		}
		s.entries[a.gate] = entryModel{
			arrival: arrival, conversation: c.ask, alive: m.after(a.alive),
		}
		if s.owner == "" {
			m.hand(s, a, c.key)
		}
	}
	if s.owner == "" {
		m.take(s, a, c.key, a.gate, c.ask, a.ttl)
		return turnReply{outcome: taken, token: s.token, waiting: len(s.entries), ranOut: m.ranOut, now: int64(s.token)}
	}
	m.publish(s.owner, fmt.Sprintf("want %x %d", c.key[:], s.conversation))
	rest := time.Duration(s.leaseUntil-m.now) * time.Microsecond
	return turnReply{outcome: queued, rest: rest, waiting: len(s.entries) - 1, now: m.now}
}

func (m *scriptModel) hand(s *sessionModel, a scriptArgs, k Key) {
	for len(s.entries) > 0 {
		first := s.oldest()
		e := s.entries[first]
		switch {
		case e.alive < m.now:
			delete(s.entries, first)
			continue
		case first == a.gate:
			return
		}
		m.take(s, a, k, first, e.conversation, a.confirm)
		message := fmt.Sprintf("grant %x %d %d %d %d %d", k[:], e.conversation, s.token, s.leaseUntil, len(s.entries), flag(m.ranOut))
		if m.publish(first, message) > 0 || !a.heard {
			return
		}
		s.owner = ""
	}
}

// waiting names the gates that wait, in the order of their names.
func (s *sessionModel) waiting() []string { return slices.Sorted(maps.Keys(s.entries)) }

func (s *sessionModel) oldest() string {
	names := s.waiting()
	sort.Slice(names, func(i, j int) bool {
		a, b := s.entries[names[i]].arrival, s.entries[names[j]].arrival
		return a < b || a == b && names[i] < names[j]
	})
	return names[0]
}

func (m *scriptModel) take(s *sessionModel, a scriptArgs, k Key, who string, conversation uint64, ttl time.Duration) {
	s.fence = max(s.fence+1, uint64(m.now))
	s.owner, s.conversation, s.token = who, conversation, s.fence
	s.leaseUntil, s.ttl = m.after(ttl), ttl
	delete(s.entries, who)
	m.took(k, who, conversation, s.token)
}

func (m *scriptModel) renew(a scriptArgs, c renewCall) renewReply {
	s := m.session(c.key)
	r := renewReply{outcome: renewed, waiting: len(s.entries), now: m.now}
	if s.owner != a.gate || s.conversation != c.conversation || s.token != c.token || s.leaseUntil <= m.now {
		if s.fence >= c.token {
			r.outcome = renewLost
			return r
		}
		r.outcome = restored
	}
	if r.outcome == restored {
		s.leaseUntil = 0
	}
	s.owner, s.conversation, s.token = a.gate, c.conversation, c.token
	s.leaseUntil = min(s.leaseUntil, m.after(s.ttl)) // where the clock was set back
	s.prolong(m, c.ttl)
	s.fence = max(s.fence, c.spent)
	s.until = max(m.after(max(a.keep, c.ttl)), s.leaseUntil)
	return r
}

// prolong gives a lease more time, never less.
func (s *sessionModel) prolong(m *scriptModel, ttl time.Duration) {
	if until := m.after(ttl); s.leaseUntil < until {
		s.leaseUntil, s.ttl = until, ttl
	}
}

// flush forgets everything.
func (m *scriptModel) flush() { clear(m.sessions) }

// copied is the state as it may come back from a replica.
func (m *scriptModel) copied() map[Key]*sessionModel {
	all := make(map[Key]*sessionModel, len(m.sessions))
	for k, s := range m.sessions {
		c := *s
		c.entries = make(map[string]entryModel, len(s.entries))
		for name, e := range s.entries {
			c.entries[name] = e
		}
		all[k] = &c
	}
	return all
}

// String shows what is kept of a session.
func (s *sessionModel) String() string {
	text := "free"
	if s.owner != "" {
		text = fmt.Sprintf("%s %d %d until %d", s.owner, s.conversation, s.token, s.leaseUntil)
	}
	for _, name := range s.waiting() {
		e := s.entries[name]
		text += fmt.Sprintf(" | %s %d since %d until %d", name, e.conversation, e.arrival, e.alive)
	}
	return text + " | fence " + strconv.FormatUint(s.fence, 10)
}
