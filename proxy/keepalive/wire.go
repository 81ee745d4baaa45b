package keepalive

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
)

// wire is a socket that knows whether a request has reached its server.
//
// A server may close a kept connection in the very moment in which a request is
// written to it. What the server's kernel says then makes it certain, over TCP:
// the end of the stream (FIN) says up to which byte the server had got the
// client's. Where that is before the request, the server had closed before
// anything of the request arrived, and what arrived later was thrown away by its
// kernel. A reset does not say so much: it comes, too, where the server has read
// a part. A server that ends its own side only, and then reads and carries out a
// request that it can no longer answer, is not to be met.
type wire struct {
	net.Conn
	raw syscall.RawConn // nil: the socket cannot be looked at

	written atomic.Int64 // bytes that the kernel has taken
	before  int64        // of them, before the request
	// acked is how many of them the server's kernel had got when it closed; -1:
	// it has not, or there is no saying.
	acked atomic.Int64
	zero  int64 // what the kernel counts as acknowledged on a new connection
}

func newWire(c net.Conn) *wire {
	w := &wire{Conn: c}
	if s, ok := c.(syscall.Conn); ok {
		w.raw, _ = s.SyscallConn() // nil where it fails
	}
	w.acked.Store(-1)
	w.zero = w.acknowledged()
	return w
}

// begin is called before a request is written.
func (w *wire) begin() { w.before = w.written.Load() }

// unsent says that the server has certainly got nothing of the request. It is
// asked when nobody writes any more.
func (w *wire) unsent() bool {
	if w.written.Load() == w.before {
		return true
	}
	acked := w.acked.Load()
	return acked >= 0 && acked <= w.before
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.written.Add(int64(n))
	return n, err
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err == io.EOF && w.zero >= 0 {
		// Now, for net/http closes the socket before it returns.
		if acked := w.acknowledged(); acked >= 0 {
			w.acked.CompareAndSwap(-1, acked-w.zero)
		}
	}
	return n, err
}

// NetConn is the socket.
func (w *wire) NetConn() net.Conn { return w.Conn }

// CloseWrite ends this side of a connection whose protocol was changed.
func (w *wire) CloseWrite() error {
	if half, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
