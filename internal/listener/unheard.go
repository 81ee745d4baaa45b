package listener

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Unheard knows the connections of a server on which no request has reached the
// handler yet. http.Server's Shutdown ends them, also where the request has come in
// that moment: whoever was accepted just before gets no answer. So stop accepting,
// Wait, and then shut down. Make it with NewUnheard.
//
// It has three ends: the server's ConnContext and ConnState hooks, and what stands
// before its handler.
type Unheard struct {
	mu          sync.Mutex
	connections map[net.Conn]*unheardConn
	none        chan struct{} // if set, closed when there are none
}

type unheardConn struct {
	conn  net.Conn
	heard atomic.Bool
}

type unheardKey struct{}

// NewUnheard returns one for a server.
func NewUnheard() *Unheard { return &Unheard{connections: make(map[net.Conn]*unheardConn)} }

// ConnContext notes a connection that was accepted.
func (u *Unheard) ConnContext(ctx context.Context, c net.Conn) context.Context {
	e := &unheardConn{conn: c}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.connections[c] = e
	return context.WithValue(ctx, unheardKey{}, e)
}

// ConnState notes connections that end without a request.
func (u *Unheard) ConnState(c net.Conn, s http.ConnState) {
	if s == http.StateClosed {
		u.forget(c)
	}
}

// Handler notes that the first request is there.
func (u *Unheard) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e, ok := r.Context().Value(unheardKey{}).(*unheardConn); ok && !e.heard.Load() && e.heard.CompareAndSwap(false, true) {
			u.forget(e.conn)
		}
		h.ServeHTTP(w, r)
	})
}

// Wait returns when there is none any more, or ctx has ended.
func (u *Unheard) Wait(ctx context.Context) {
	select {
	case <-u.gone():
	case <-ctx.Done():
	}
}

func (u *Unheard) gone() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.none == nil {
		u.none = make(chan struct{})
	}
	none := u.none
	u.tellLocked()
	return none
}

func (u *Unheard) forget(c net.Conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.connections[c] == nil {
		return
	}
	delete(u.connections, c)
	u.tellLocked()
}

func (u *Unheard) tellLocked() {
	if len(u.connections) == 0 && u.none != nil {
		close(u.none)
		u.none = nil
	}
}
