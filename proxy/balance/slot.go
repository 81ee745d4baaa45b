package balance

import (
	"context"
	"errors"

	"github.com/sessiongate/sessiongate/proxy/admission"
)

// Why there is no slot.
var (
	ErrNoServer  = errors.New("balance: no server takes new requests")
	ErrFull      = errors.New("balance: no slot is free")
	ErrQueueFull = errors.New("balance: too many requests wait for a slot")
)

// Request is what asks for a slot.
type Request struct {
	// Session finds the session's server, and its turn among those of the client.
	// Without the method Session, it is needed only by who waits.
	Session Key
	// Client is who the slot is counted for; "": not known.
	Client   string
	Priority admission.Priority
	// Called is how many requests wait for this one, each with a slot: one has
	// called the next. It goes before all that fewer wait for, and may have the
	// reserve of its level and of those below, on the server and beside what its
	// Client may have: that is who the first of them came from.
	Called int
}

// maxCalled is how many levels have a reserve of their own.
const maxCalled = 8

func (r Request) level() int { return min(r.Called, maxCalled) }

// Slot is a request's place on a server. The zero value is none.
type Slot struct {
	server  *Server
	refused int64 // connections in a row that could not be made before
	request Request
}

// Take chooses a server and takes a slot on it, or says at once that there is
// none: ErrFull, ErrNoServer. The reserve is for who waits: see Acquire.
func (p *Pool) Take(r Request) (Slot, error) {
	plain := r
	plain.Called = 0
	slot, err := p.take(plain, nil)
	slot.request = r
	return slot, err
}

func (p *Pool) take(r Request, tried []*Server) (Slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.takeLocked(r, tried)
}

// takeLocked passes nobody by: somebody who might go is not left waiting.
func (p *Pool) takeLocked(r Request, tried []*Server) (Slot, error) {
	at, full := p.chooseLocked(r, tried)
	switch {
	case full:
		return Slot{}, ErrFull
	case at < 0:
		return Slot{}, ErrNoServer
	case !p.enterLocked(r):
		return Slot{}, ErrFull
	}
	return p.occupyLocked(at, r), nil
}

// enterLocked counts a slot as the client's; false: it has all that it may have.
// With a reserve for each level the deepest always has one: those above it are
// as many as may be without it.
func (p *Pool) enterLocked(r Request) bool {
	return p.queue.Enter(r.Client, r.level()*p.options.Reserve)
}

// Force is Take beyond all bounds, for requests that must not wait. Where a slot
// is free it takes that one.
func (p *Pool) Force(r Request) (Slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slot, err := p.takeLocked(r, nil); !errors.Is(err, ErrFull) {
		return slot, err
	}
	best := -1
	for i, s := range p.servers {
		if best < 0 || s.suitsBetter(p.servers[best]) {
			best = i
		}
	}
	p.queue.Count(r.Client)
	return p.occupyLocked(best, r), nil
}

// suitsBetter says which of two servers without a free slot is to have one more
// request: one that is in, with fewer in flight.
func (s *Server) suitsBetter(other *Server) bool {
	if s.out != other.out {
		return other.out
	}
	return s.inFlight < other.inFlight
}

// occupyLocked takes a slot on the server there, for a client for whom it is
// counted already.
func (p *Pool) occupyLocked(at int, r Request) Slot {
	s := p.servers[at]
	p.next = at + 1
	s.inFlight++
	return Slot{server: s, refused: s.refused.Load(), request: r}
}

// Server is where the slot is; nil for the zero value.
func (s Slot) Server() *Server { return s.server }

// Leave gives the slot back. It is called once, when the server is done with the
// request.
func (s Slot) Leave() {
	p := s.server.pool
	p.mu.Lock()
	s.server.inFlight--
	p.queue.Exit(s.request.Client)
	ready, gone := p.admitLocked(), p.doneLocked(s.server)
	p.mu.Unlock()
	ready.wake()
	if gone != nil {
		gone()
	}
}

// Next gives the slot back for one on another server than those that were tried,
// and waits for it before all others: the request has had its turn. Its client
// keeps its share meanwhile. After an error there is no slot any more: ErrNoServer
// where none is left, or the cause of ctx.
func (s Slot) Next(ctx context.Context, session Key, tried ...*Server) (Slot, error) {
	p := s.server.pool
	p.mu.Lock()
	s.server.inFlight--
	r := s.request
	r.Session = session
	w := newWaiter(r)
	w.counted = true
	p.moveLocked(w, tried)
	ready, gone := p.admitLocked(), p.doneLocked(s.server)
	p.mu.Unlock()
	ready.wake()
	if gone != nil {
		gone()
	}
	return p.await(ctx, w)
}

// Connected says that the request has reached the server. A request that began
// before others were refused says nothing about them.
func (s Slot) Connected() {
	if s.refused != 0 {
		s.server.refused.CompareAndSwap(s.refused, 0)
	}
}

// Refused says that no connection could be made, and why.
func (s Slot) Refused(why error) {
	p := s.server.pool
	refused := s.server.refused.Add(1)
	p.mu.Lock()
	out := p.options.Out
	goes := refused >= int64(p.options.Fall) && p.goesOutLocked(s.server, why)
	var ready *waiter
	if goes {
		ready = p.admitLocked() // it may have been the last that was in
	}
	p.mu.Unlock()
	ready.wake()
	if goes {
		out(s.server, why)
	}
}
