package http

import (
	"net"
	"os"
	"sync"
	"time"
)

// timeless is the server's end of a connection whose client sends what it has to
// send at once, and then nothing more, ever. Where the server gives it time for
// more, that time is over at once; so nobody waits for anything.
type timeless struct {
	mu       sync.Mutex
	changed  *sync.Cond
	in       []byte
	deadline time.Time
	closed   bool
	over     chan struct{} // closed when the server will read no further request
}

func newTimeless(sent []byte) *timeless {
	c := &timeless{in: sent, over: make(chan struct{})}
	c.changed = sync.NewCond(&c.mu)
	return c
}

func (c *timeless) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case !c.deadline.IsZero() && (len(c.in) == 0 || !c.deadline.After(time.Now())):
			return 0, os.ErrDeadlineExceeded
		case len(c.in) > 0:
			n := copy(b, c.in)
			c.in = c.in[n:]
			return n, nil
		}
		c.changed.Wait()
	}
}

func (c *timeless) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.changed.Broadcast()
	return nil
}

// CloseWrite is what net/http calls half a second before it closes.
func (c *timeless) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.over)
	}
	c.changed.Broadcast()
	return nil
}

func (c *timeless) Close() error                     { return c.CloseWrite() }
func (c *timeless) Write(b []byte) (int, error)      { return len(b), nil }
func (c *timeless) SetWriteDeadline(time.Time) error { return nil }
func (c *timeless) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *timeless) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (c *timeless) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}
}

// handed is a listener whose connections are made by the test.
type handed struct {
	conns chan net.Conn
	once  sync.Once
	end   chan struct{}
}

func newHanded() *handed { return &handed{conns: make(chan net.Conn), end: make(chan struct{})} }

func (l *handed) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.end:
		return nil, net.ErrClosed
	}
}

func (l *handed) Close() error {
	l.once.Do(func() { close(l.end) })
	return nil
}

func (l *handed) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
