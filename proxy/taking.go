package proxy

import (
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// unwatched is how much of an answer goes out before anybody looks whether
	// the client takes it: the kernel has room for that.
	unwatched = 8 << 10
	// streamPiece is the most that is written to a stream of HTTP/2 at once. How
	// much of a write the client has taken cannot be seen there.
	streamPiece = 8 << 10
	// looks is how often it is looked within WriteIdleTimeout.
	looks = 4
)

// write sends a part of the answer. It fails where the client takes nothing of
// it for WriteIdleTimeout: a write as such may last as long as it likes. For a
// slow client that is long, for the kernel lets nothing be written until a good
// part of its buffer is free, and that buffer may have megabytes.
func (x *exchange) write(control *http.ResponseController, chunk []byte) (err error) {
	if !x.overHTTP2() && x.taking == nil && x.sent >= unwatched {
		x.taking = x.watchTaking(control)
	}
	for len(chunk) > 0 && err == nil {
		piece := chunk
		if x.overHTTP2() {
			piece = chunk[:min(len(chunk), streamPiece)]
		}
		x.extendWrite(control)
		var n int
		n, err = x.w.Write(piece)
		x.sent += int64(n)
		chunk = chunk[len(piece):]
	}
	return err
}

// taking gives a client more time for as long as it takes something of what the
// kernel holds for it. nil watches nothing.
type taking struct {
	socket net.Conn
	extend func()
	every  time.Duration

	mu    sync.Mutex
	held  int // bytes in the socket's queue when it was looked at last
	timer *time.Timer
	over  bool
}

// watchTaking begins to watch the connection; nil where that cannot be done.
func (x *exchange) watchTaking(control *http.ResponseController) *taking {
	conn, ok := x.r.Context().Value(connKey{}).(*socket)
	if !ok || x.setup.WriteIdleTimeout <= 0 {
		return nil
	}
	held, ok := unsent(conn.Conn)
	if !ok {
		return nil
	}
	t := &taking{socket: conn.Conn, extend: func() { x.setup.extendWrite(control) }, every: x.setup.WriteIdleTimeout / looks, held: held}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(t.every, t.look)
	return t
}

// look extends the deadline where the queue has changed: bytes have been taken
// from it, or written to it because there was room.
func (t *taking) look() {
	t.mu.Lock()
	defer t.mu.Unlock()
	held, ok := unsent(t.socket)
	if t.over || !ok {
		return
	}
	if held != t.held {
		t.held = held
		t.extend()
	}
	t.timer.Reset(t.every)
}

// stop returns when no deadline will be extended any more.
func (t *taking) stop() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.timer.Stop()
}
