package listener

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Bound holds the number of connections of a server below a limit. Connections
// beyond it wait in the kernel, as with HAProxy: what comes in a moment needs no
// answer now, and a burst is not turned into errors. Make it with NewBound.
//
// It has two ends: the listener takes a place before it accepts, and the
// server's ConnState hook gives it back. Thus connections need no wrapper, and
// stay what net/http treats best.
type Bound struct {
	places  chan struct{} // nil: no limit
	reached func()
	open    atomic.Int64
}

// NewBound returns a bound of limit connections; 0 is no limit. reached is
// called each time that the limit is reached: from then on a further connection
// waits for another one's end.
func NewBound(limit int, reached func()) *Bound {
	b := &Bound{reached: reached}
	if limit > 0 {
		b.places = make(chan struct{}, limit)
	}
	return b
}

// Open is the number of connections that are open now.
func (b *Bound) Open() int { return int(b.open.Load()) }

// Listener bounds the connections that l accepts.
func (b *Bound) Listener(l net.Listener) net.Listener {
	return &boundListener{Listener: l, bound: b, closed: make(chan struct{})}
}

// ConnState is for the server that serves the listener, as its hook of that
// name: a connection that has ended gives its place back.
func (b *Bound) ConnState(_ net.Conn, s http.ConnState) {
	if s == http.StateClosed || s == http.StateHijacked {
		b.open.Add(-1)
		b.giveBack()
	}
}

// take waits for a place; ok is false where closed came first.
func (b *Bound) take(closed <-chan struct{}) (ok bool) {
	if b.places == nil {
		return true
	}
	select {
	case b.places <- struct{}{}:
		return true
	default:
	}
	b.reached()
	select {
	case b.places <- struct{}{}:
		return true
	case <-closed:
		return false
	}
}

func (b *Bound) giveBack() {
	if b.places != nil {
		<-b.places
	}
}

type boundListener struct {
	net.Listener
	bound  *Bound
	once   sync.Once
	closed chan struct{}
}

func (l *boundListener) Accept() (net.Conn, error) {
	if !l.bound.take(l.closed) {
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.bound.giveBack()
		return nil, err
	}
	l.bound.open.Add(1)
	return c, nil
}

func (l *boundListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
