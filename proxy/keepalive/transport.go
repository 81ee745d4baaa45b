package keepalive

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/proxy/dial"
)

const (
	// maxIdle bounds the connections that are kept.
	maxIdle = 512
	// idleTimeout is below what common servers allow: Apache and Node 5 s, nginx
	// 75 s.
	idleTimeout = 4 * time.Second
)

// Transport is an http.RoundTripper to one server. Make it with New. It may be
// used by many goroutines.
type Transport struct {
	dialer *dial.Dialer

	mu     sync.Mutex
	idle   []*conn     // in the order in which they became so
	sweep  *time.Timer // runs while a connection is kept
	closed bool
}

// New makes a transport to host:port or unix:/path. It makes no connection: the
// server may be down. A connectTimeout of 0 is no limit but the request's
// context.
func New(address string, connectTimeout time.Duration) (*Transport, error) {
	d, err := dial.New(address, connectTimeout)
	if err != nil {
		return nil, err
	}
	t := &Transport{dialer: d}
	t.sweep = time.AfterFunc(idleTimeout, t.closeOld)
	t.sweep.Stop()
	return t, nil
}

// SetConnectTimeout sets the connectTimeout of New for connections that are begun
// from now on.
func (t *Transport) SetConnectTimeout(timeout time.Duration) { t.dialer.SetTimeout(timeout) }

// RoundTrip sends a request once, and returns its answer's header. Its body ends
// with io.EOF when the server has ended it.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if repeatable(req) {
		for c := t.take(); c != nil; c = t.take() {
			resp, err := c.roundTrip(req)
			if err == nil || !c.wire.unsent() || req.Context().Err() != nil {
				return resp, err
			}
		}
	} else {
		t.giveUpOne()
	}
	c, err := t.connect(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := c.roundTrip(req)
	if err != nil && c.wire.unsent() && req.Context().Err() == nil {
		return nil, &dial.Error{Address: t.dialer.Address(), Err: err}
	}
	return resp, err
}

// repeatable says that a request changes nothing by its method's meaning (RFC
// 9110, section 9.2.1), and has no body. It may use a kept connection; it is not
// repeated for that.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return req.Body == nil || req.Body == http.NoBody
	}
	return false
}

// closeBody keeps RoundTripper's promise where no connection has got the request.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read from it
	}
}

// connect makes a connection, or a *dial.Error.
func (t *Transport) connect(ctx context.Context) (*conn, error) {
	socket, err := t.dialer.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{transport: t, wire: newWire(socket)}, nil
}

// take returns the kept connection that was used last and is still good; nil:
// there is none.
func (t *Transport) take() *conn {
	for {
		c := t.pop()
		if c == nil || time.Since(c.since) < idleTimeout && c.wire.quiet() {
			return c
		}
		c.close()
	}
}

func (t *Transport) pop() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.idle) - 1
	if last < 0 {
		return nil
	}
	c := t.idle[last]
	t.idle[last] = nil
	t.idle = t.idle[:last]
	return c
}

// giveUpOne closes the kept connection that was used longest ago.
func (t *Transport) giveUpOne() {
	t.mu.Lock()
	var c *conn
	if len(t.idle) > 0 {
		c, t.idle = t.idle[0], t.idle[1:]
	}
	t.mu.Unlock()
	if c != nil {
		c.close()
	}
}

// keep takes back a connection whose answer has ended; false: it is of no use any
// more, or one too many.
func (t *Transport) keep(c *conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.idle) == maxIdle {
		return false
	}
	c.since = time.Now()
	if len(t.idle) == 0 {
		t.sweep.Reset(idleTimeout)
	}
	t.idle = append(t.idle, c)
	return true
}

// closeOld closes what has been kept for long enough.
func (t *Transport) closeOld() {
	t.mu.Lock()
	n := 0
	for n < len(t.idle) && time.Since(t.idle[n].since) >= idleTimeout {
		n++
	}
	old := t.idle[:n:n]
	t.idle = t.idle[n:]
	if len(t.idle) > 0 {
		t.sweep.Reset(idleTimeout - time.Since(t.idle[0].since))
	}
	t.mu.Unlock()
	closeEach(old)
}

// Close closes the connections that are kept, now and later. Requests under way
// end as they do.
func (t *Transport) Close() error {
	t.mu.Lock()
	old := t.idle
	t.idle, t.closed = nil, true
	t.sweep.Stop()
	t.mu.Unlock()
	closeEach(old)
	return nil
}

func closeEach(list []*conn) {
	for _, c := range list {
		c.close()
	}
}
