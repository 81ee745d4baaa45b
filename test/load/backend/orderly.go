package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// orderly is an HTTP server that ends what it has begun, and begins nothing that
// it could not answer.
//
// http.Server alone does not quite: Shutdown closes the connections that wait for
// a request, and one whose request has been read still counts as waiting for a
// moment, which is as long as the machine likes. The handler then works for
// nobody.
type orderly struct {
	http.Server
	begun sync.WaitGroup // requests
}

func newOrderly(handler http.HandlerFunc) *orderly {
	o := &orderly{}
	o.Server = http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateIdle || state == http.StateClosed {
				c.(*conn).answered()
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Context().Value(connKey{}).(*conn).begins() {
				handler(w, r)
			}
		}),
	}
	return o
}

// serve is Serve, on connections that Shutdown cuts no request off on.
func (o *orderly) serve(l net.Listener) error { return o.Serve(&listener{l, o}) }

// end takes nothing new and returns when all that was begun has been answered.
func (o *orderly) end(ctx context.Context) error {
	err := o.Shutdown(ctx)
	o.begun.Wait()
	return err
}

type listener struct {
	net.Listener
	server *orderly
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, server: l.server}, nil
}

type connKey struct{}

// conn is a connection that is closed between two requests only.
type conn struct {
	net.Conn
	server *orderly

	mu              sync.Mutex
	serving, closed bool
}

// begins says whether a request may begin: not on a connection that is closed.
func (c *conn) begins() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.serving = true
	c.server.begun.Add(1)
	return true
}

// answered ends the request, if one has begun, and what Close has put off.
func (c *conn) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.serving {
		return
	}
	c.serving = false
	c.server.begun.Done()
	if c.closed {
		_ = c.Conn.Close() // the answer is out
	}
}

// Close waits for nobody: what has begun is answered first.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.serving {
		return nil
	}
	return c.Conn.Close()
}
