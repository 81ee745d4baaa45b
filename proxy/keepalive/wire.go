package keepalive

import (
	"io"
	"math"
	"net"
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
//
// One goroutine may read while another one writes.
type wire struct {
	net.Conn
	raw syscall.RawConn // nil: the socket cannot be looked at

	limit   int64 // how much may be read; 0: an answer's header is too long
	written int64 // bytes that the kernel has taken
	before  int64 // of them, before the request
	broken  bool  // a write has failed
	// acked is how many of them the server's kernel had got when it closed; -1:
	// it has not, or there is no saying.
	acked int64
	zero  int64 // what the kernel counts as acknowledged on a new connection
}

const unlimited = math.MaxInt64

func newWire(c net.Conn) *wire {
	w := &wire{Conn: c, limit: unlimited, acked: -1}
	if s, ok := c.(syscall.Conn); ok {
		w.raw, _ = s.SyscallConn() // nil where it fails
	}
	w.zero = w.acknowledged()
	return w
}

// begin is called before a request is written.
func (w *wire) begin() { w.before = w.written }

// unsent says that the server has certainly got nothing of the request. It is
// asked when nobody reads or writes any more.
func (w *wire) unsent() bool {
	return w.written == w.before || w.acked >= 0 && w.acked <= w.before
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.written += int64(n)
	w.broken = w.broken || err != nil
	return n, err
}

func (w *wire) Read(p []byte) (int, error) {
	if w.limit <= 0 {
		return 0, errLongHeader
	}
	n, err := w.Conn.Read(p[:min(int64(len(p)), w.limit)])
	w.limit -= int64(n)
	if err == io.EOF && w.acked < 0 && w.zero >= 0 {
		if acked := w.acknowledged(); acked >= 0 {
			w.acked = acked - w.zero
		}
	}
	return n, err
}
