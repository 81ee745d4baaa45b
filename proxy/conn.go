package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/sessiongate/sessiongate/internal/listener"
)

type connKey struct{}

// socket is a client's connection, below TLS and the PROXY protocol.
type socket struct {
	net.Conn
	raw syscall.RawConn // nil: it cannot be looked at
}

func newSocket(c net.Conn) *socket {
	s := &socket{Conn: c}
	if of, ok := c.(syscall.Conn); ok {
		s.raw, _ = of.SyscallConn() // nil where it is closed already
	}
	return s
}

// rememberConn is the server's ConnContext: it lets stages look at the
// connection itself, or end it.
func rememberConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, newSocket(listener.Socket(c)))
}

// departed looks at the connection itself: a client that sent one more byte
// (the start of a pipelined request) and then left is not noticed by net/http,
// which stops watching at that byte. Over HTTP/2 a stream's end is noticed
// always, the connection's a moment later than its streams'.
func (x *exchange) departed() bool {
	if x.r.Context().Err() != nil {
		return true
	}
	s, ok := x.r.Context().Value(connKey{}).(*socket)
	return ok && s.peerGone()
}

// wanted says whether the request is still to run: its client is there, or need
// not be.
func (x *exchange) wanted() bool { return x.policy.Unattended || !x.departed() }

// patience ends when a request that has not begun to run need not any more.
func (x *exchange) patience() context.Context {
	if x.policy.Unattended {
		return x.gate.runs
	}
	return x.r.Context()
}

// cutConnection ends the request without an end that the client could take for
// one: over HTTP/2 the stream is reset, over HTTP/1.1 the last chunk is missing.
// HTTP/1.0 knows an answer's end by the connection's: there it has to be a
// reset, and TLS must not come to say that this was all.
func (x *exchange) cutConnection() {
	if s, ok := x.r.Context().Value(connKey{}).(*socket); ok && !x.r.ProtoAtLeast(1, 1) {
		if tcp, ok := s.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = s.Close() // net/http closes it once more
	}
	panic(http.ErrAbortHandler)
}

// endsConnection says that nothing more may be read from the connection behind
// this request. Of one in chunks net/http does not tell whether it had a length
// as well, and of one over HTTP/1.0 not whether it named a coding: a proxy in
// front may see the request's end somewhere else, and take what is left for the
// beginning of another client's (RFC 9112, section 6.1).
func endsConnection(r *http.Request) bool {
	return r.ProtoMajor < 2 && (!r.ProtoAtLeast(1, 1) || len(r.TransferEncoding) > 0)
}

// connState is the server's hook of that name. It sets what net/http leaves open
// of the deadlines of a connection over HTTP/1. Over HTTP/2 streams have deadlines
// of their own, and the connection's are the frame reader's and writer's.
func (l ServerLimits) connState(c net.Conn, s http.ConnState) {
	if t, ok := c.(*tls.Conn); ok && t.ConnectionState().NegotiatedProtocol == "h2" {
		return
	}
	switch {
	case s == http.StateIdle:
		// The last answer has left a deadline: the next one may come much later.
		_ = c.SetWriteDeadline(time.Time{}) // a closed connection needs none
	case s == http.StateActive && l.BodyIdleTimeout > 0:
		// Of requests that it answers itself (an expectation that it does not know)
		// net/http reads the body away, however long that takes.
		_ = c.SetReadDeadline(time.Now().Add(l.BodyIdleTimeout))
	}
}

// restRead lifts the deadline from a request without a body: from here on net/http
// watches the connection, and one that passed would look like a departure.
func (x *exchange) restRead() {
	if x.r.ContentLength == 0 && !x.overHTTP2() && x.setup.BodyIdleTimeout > 0 {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
	}
}
