package proxy

import (
	"net/http"
	"sync/atomic"
	"time"
)

// streams counts the requests that came over HTTP/2. The bound on connections
// does not hold them back, yet each has a header of its own in memory; so the
// gate counts them as it counts connections.
type streams struct {
	limit atomic.Int64 // 0: none
	open  atomic.Int64
}

// streamsDelay is when coming again makes sense for one stream too many.
const streamsDelay = time.Second

// enter counts a request; ok is false where it is one too many. leave has to be
// called either way.
func (s *streams) enter() (ok bool) {
	n := s.open.Add(1)
	limit := s.limit.Load()
	return limit <= 0 || n <= limit
}

func (s *streams) leave() { s.open.Add(-1) }

// overHTTP2 says whether the request is one of several on its connection.
func (x *exchange) overHTTP2() bool { return x.r.ProtoMajor >= 2 }

func streamsFull() *Refusal {
	return &Refusal{
		Status:     http.StatusServiceUnavailable,
		Reason:     ReasonStreamsFull,
		Detail:     "Too many requests are under way.",
		RetryAfter: streamsDelay,
	}
}

// outlastRun keeps a stream that its client has reset among those of its
// connection until PHP has ended. Resetting would otherwise be a way to have more
// requests run than the connection may have streams ("rapid reset",
// CVE-2023-44487): the server counts a stream as over when its handler is.
func (x *exchange) outlastRun() {
	if x.gone && x.run != nil && x.overHTTP2() {
		<-x.run.ended
	}
}
