package balance

import (
	"hash/fnv"
	"net/http"
	"sync/atomic"
)

// Server is one address of an upstream. Make it with NewServer; it belongs to
// one Pool.
type Server struct {
	// Address is as the operator wrote it. By it a session finds its server, the
	// same in every gate.
	Address string
	// Transport sends requests to this address only.
	Transport http.RoundTripper

	hash uint64
	// refused counts the connections in a row that could not be made.
	refused atomic.Int64

	// The rest is guarded by the pool's mutex.
	pool     *Pool
	inFlight int
	draining bool
	out      bool
	why      error // of being out, or of the last failed check; nil: none
	failed   int   // checks in a row
	passed   int   // checks in a row, while out
}

// NewServer makes a server that is in.
func NewServer(address string, transport http.RoundTripper) *Server {
	h := fnv.New64a()
	_, _ = h.Write([]byte(address)) // never fails
	return &Server{Address: address, Transport: transport, hash: h.Sum64()}
}

// Drain keeps new requests away from the server, for good. Requests under way
// end as they do.
func (s *Server) Drain() {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.draining = true
}

// Slot is a request's place on a server. The zero value is none.
type Slot struct {
	server  *Server
	refused int64 // connections in a row that could not be made before
}

// Server is where the slot is; nil for the zero value.
func (s Slot) Server() *Server { return s.server }

// Leave gives the slot back. It is called once, when the server is done with the
// request.
func (s Slot) Leave() {
	p := s.server.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	s.server.inFlight--
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
	if s.server.refused.Add(1) < int64(p.options.Fall) {
		return
	}
	p.mu.Lock()
	goes := p.goesOutLocked(s.server, why)
	p.mu.Unlock()
	if goes {
		p.options.Out(s.server, why)
	}
}

// Status is what there is to see of a server.
type Status struct {
	Server   *Server
	In       bool // it is neither out nor drained
	Draining bool
	InFlight int
	// Why is why the server is out; nil while it is in.
	Why error
}
