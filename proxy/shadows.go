package proxy

import (
	"sync"
	"sync/atomic"

	"github.com/sessiongate/sessiongate/lockstore"
)

// shadows watches the requests of sessions for some of which the lock is not
// enforced, and tells what would have become of them in a line. It sees the
// requests of this gate that have begun, enforced ones among them, and knows
// of none that others run: it counts at the least what there was.
//
// Who would have waited stands in a line here while it runs; when the request
// before it has ended it counts as the one that has the turn. In a line that was
// enforced it would only have begun then, so lines would have been longer.
//
// Memory is a sighting for each request that runs.
type shadows struct {
	mu                  sync.Mutex
	maxClient, maxTotal int // as of the store; 0: no limit
	lines               map[lockstore.Key]*shadowLine
	byClient            map[string]int // who would wait
	waiting             int

	unenforced atomic.Int64 // of those that are seen
}

// shadowLine is one session: those that would be in its line, the first with the
// turn, and how many run in fact.
type shadowLine struct {
	running     int
	waiting     int // all in the line but the first
	first, last *sighting
}

// sighting is one request that runs.
type sighting struct {
	shadows    *shadows
	key        lockstore.Key
	client     string
	prev, next *sighting
	queued     bool // stands in the line: it would not have been refused
	waits      bool // counted among those that would wait
	shadow     bool // it has waited for nobody
	left       bool
}

// saw is what would have become of a request, and what was.
type saw struct {
	overlaps bool // an earlier one of the session is running
	waits    bool
	refused  Reason // "": it would not have been
}

func newShadows() *shadows {
	return &shadows{lines: make(map[lockstore.Key]*shadowLine), byClient: make(map[string]int)}
}

// bound sets the bounds for those who come from now on.
func (s *shadows) bound(maxClient, maxTotal int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxClient, s.maxTotal = maxClient, maxTotal
}

// see takes in a request that begins now; shadow says that it has waited for
// nobody. A barrier runs without a turn, so that nobody would wait for it: its
// sighting is nil. One that is enforced is not to be shown here, for its turn has
// passed on, and a later request may run already.
func (s *shadows) see(r lockstore.Request, shadow bool) (*sighting, saw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[r.Key]
	var seen saw
	if l != nil {
		seen.overlaps = true
		if shadow && l.first != nil {
			seen.refused = s.refusalLocked(l, r)
			seen.waits = seen.refused == ""
		}
	}
	if r.Mode != lockstore.Exclusive {
		return nil, seen
	}
	if l == nil {
		l = &shadowLine{}
		s.lines[r.Key] = l
	}
	l.running++
	t := &sighting{shadows: s, key: r.Key, client: r.Client, shadow: shadow}
	if shadow {
		s.unenforced.Add(1)
	}
	if seen.refused == "" {
		s.joinLocked(l, t)
		if seen.waits {
			t.waits = true
			s.countLocked(t.client, 1)
		}
	}
	return t, seen
}

// refusalLocked judges as a store does.
func (s *shadows) refusalLocked(l *shadowLine, r lockstore.Request) Reason {
	switch {
	case r.RejectBusy:
		return ReasonSessionBusy
	case r.MaxWaiting > 0 && l.waiting >= r.MaxWaiting:
		return ReasonSessionFull
	case r.Client != "" && s.maxClient > 0 && s.byClient[r.Client] >= s.maxClient:
		return ReasonClientFull
	case s.maxTotal > 0 && s.waiting >= s.maxTotal:
		return ReasonTotalFull
	}
	return ""
}

// leave says that the request's turn has ended, or would have. Only the first
// call has an effect; nil is nobody.
func (t *sighting) leave() {
	if t == nil {
		return
	}
	s := t.shadows
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.left {
		return
	}
	t.left = true
	if t.shadow {
		s.unenforced.Add(-1)
	}
	l := s.lines[t.key]
	if t.queued {
		s.removeLocked(l, t)
	}
	if l.running--; l.running == 0 {
		delete(s.lines, t.key)
	}
}

func (s *shadows) joinLocked(l *shadowLine, t *sighting) {
	t.queued, t.prev = true, l.last
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
		l.waiting++
	}
	l.last = t
}

// removeLocked takes a request out, and gives its turn, where it had it, to the
// next.
func (s *shadows) removeLocked(l *shadowLine, t *sighting) {
	if l.first != l.last {
		l.waiting--
	}
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	for _, over := range []*sighting{t, l.first} {
		if over != nil && over.waits {
			over.waits = false
			s.countLocked(over.client, -1)
		}
	}
}

func (s *shadows) countLocked(client string, n int) {
	s.waiting += n
	if client == "" {
		return
	}
	if s.byClient[client] += n; s.byClient[client] == 0 {
		delete(s.byClient, client)
	}
}

// count is how many sessions are watched now, and how many requests would wait.
func (s *shadows) count() (sessions, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines), s.waiting
}
