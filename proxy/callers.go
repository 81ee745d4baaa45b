package proxy

import (
	"crypto/rand"
	"encoding/binary"
	"sync"

	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/loopback"
)

// caller is a request at an upstream, from where it may call its own site: what
// it calls knows it by its token.
type caller struct {
	token   loopback.Token // Session: whose turn it runs under, its own or its caller's
	hold    *hold          // nil: none of its own
	by      *caller        // which has called it; nil: a client
	client  string         // for whom all this runs: who sent the first of the calls
	foreign bool           // it runs in another gate: token is all that is known of it
}

// holder goes up the calls to a request that keeps the session's turn until it is
// answered: whoever it calls would wait for it in vain. nil: there is none.
func (c *caller) holder(session lockstore.Key) *caller {
	for ; c != nil; c = c.by {
		if c.token.Session == session && c.keepsTurn() {
			return c
		}
	}
	return nil
}

// keepsTurn says whether a turn is kept for the request, as far as is known here.
func (c *caller) keepsTurn() bool { return c.hold.needed() || c.foreign && c.hold == nil }

// line is where those stand that need this request's turn.
func (c *caller) line() (key lockstore.Key) {
	binary.BigEndian.PutUint64(key[:8], c.token.Gate)
	binary.BigEndian.PutUint64(key[8:], c.token.Request)
	return key
}

// callers are the requests that may call their own site, from before they are
// sent until all about them is over.
type callers struct {
	gate uint64 // random

	mu      sync.Mutex
	last    uint64
	running map[uint64]*caller
	holders map[lockstore.Key]*caller // that have a session's turn; the latest
}

func newCallers() *callers {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return &callers{gate: binary.BigEndian.Uint64(id[:]), running: make(map[uint64]*caller), holders: make(map[lockstore.Key]*caller)}
}

// enter takes a caller in and numbers it.
func (s *callers) enter(c *caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	c.token.Gate, c.token.Request = s.gate, s.last
	s.running[s.last] = c
	if c.hold != nil && !c.hold.inner {
		s.holders[c.token.Session] = c
	}
}

func (s *callers) leave(c *caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, c.token.Request)
	if s.holders[c.token.Session] == c {
		delete(s.holders, c.token.Session)
	}
}

// find returns the caller that a token names; nil: its request is over. Of
// another gate's requests nobody here knows more than what the token says; but
// where it runs under a turn of this gate's, that turn is found.
func (s *callers) find(t loopback.Token) *caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Gate == s.gate {
		return s.running[t.Request]
	}
	c := &caller{token: t, foreign: true}
	if h := s.holders[t.Session]; h != nil && h.token.Fence == t.Fence {
		c.hold = h.hold
	}
	return c
}

// withTurn returns the request that has a session's turn in this gate, or nil.
func (s *callers) withTurn(session lockstore.Key) *caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holders[session]
}

func (s *callers) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running)
}
