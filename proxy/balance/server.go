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
	// MaxInFlight is how many slots the server has; 0: no limit. Once the server is
	// in a pool only Pool.Set changes it.
	MaxInFlight int

	hash uint64
	// refused counts the connections in a row that could not be made.
	refused atomic.Int64

	// The rest is guarded by the pool's mutex.
	pool     *Pool
	inFlight int
	leaving  bool // it is off the list
	out      bool
	why      error  // of being out, or of the last failed check; nil: none
	failed   int    // checks in a row
	passed   int    // checks in a row, while out
	fresh    bool   // it has not been checked yet
	cutOff   func() // ends the check that is under way; nil: none is
}

// NewServer makes a server that is in.
func NewServer(address string, transport http.RoundTripper) *Server {
	h := fnv.New64a()
	_, _ = h.Write([]byte(address)) // never fails
	return &Server{Address: address, Transport: transport, hash: h.Sum64()}
}

// Status is what there is to see of a server.
type Status struct {
	Server      *Server
	In          bool // it is neither out nor leaving
	Leaving     bool // it is off the list, and not all that it had in flight has ended
	InFlight    int
	MaxInFlight int
	// Why is why the server is out; nil while it is in.
	Why error
}
