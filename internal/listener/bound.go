package listener

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bound holds the number of connections of a server at a limit. When a further one
// has come, the connection that has been idle for longest is closed, so that there
// is room for it. Where none is idle, the oldest one gives way that has not sent the
// header of its first request, of the client that has the most of these: after a
// second at the earliest. Where every connection has a request under way it waits,
// and those behind it in the kernel, as with HAProxy: what comes in a moment needs no
// answer now, and a burst is not turned into errors. Make it with NewBound.
//
// It has two ends: the listener takes a place for what it has accepted, and the
// server's ConnState hook gives it back. Thus connections need no wrapper, and
// stay what net/http treats best. The one that waits has been accepted, for else
// nobody would know of it: at the peak there is one descriptor more than the limit.
type Bound struct {
	places chan struct{} // nil: no limit
	events BoundEvents
	open   atomic.Int64
	idle   idle
}

// BoundEvents are told of what a Bound does. Both are required, and must not block.
type BoundEvents struct {
	Reached func()     // a further connection is there, and waits for another one's end
	Shed    func(Shed) // a connection was closed to make room
}

// Shed is a connection that was closed to make room.
type Shed struct {
	State  http.ConnState // StateIdle, or StateNew: no whole header had come
	Client string         // of a new one: who had the most; "" has no address
	Of     int            // so many
}

// NewBound returns a bound of limit connections; 0 is no limit.
func NewBound(limit int, events BoundEvents) *Bound {
	b := &Bound{events: events}
	if limit > 0 {
		b.places = make(chan struct{}, limit)
		b.idle = newIdle()
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
// name: a connection that has ended gives its place back. It panics with
// http.ErrAbortHandler where a request has come on a connection that was closed
// to make room: nothing has been done for that request, and nothing must be, for
// its client will not hear of it.
func (b *Bound) ConnState(c net.Conn, s http.ConnState) {
	ended := s == http.StateClosed || s == http.StateHijacked
	if ended {
		b.open.Add(-1)
		defer b.giveBack()
	}
	switch {
	case b.places == nil:
	case s == http.StateNew:
		b.idle.begin(c)
	case s == http.StateIdle:
		if b.idle.add(c) {
			b.events.Shed(Shed{State: http.StateIdle})
		}
	case b.idle.remove(c) && !ended:
		panic(http.ErrAbortHandler)
	}
}

// take waits for a place. Where closed comes first there is none to be waited for:
// what was accepted is served beyond the bound, as nobody comes after it.
func (b *Bound) take(closed <-chan struct{}) {
	if b.places == nil {
		return
	}
	select {
	case b.places <- struct{}{}:
		return
	default:
	}
	defer b.idle.enough()
	shed, after := b.idle.makeRoom()
	if shed == nil {
		b.events.Reached()
	}
	for {
		if shed != nil {
			b.events.Shed(*shed)
		}
		if b.takeWithin(after, closed) {
			return
		}
		shed, after = b.idle.stillWanted()
	}
}

// takeWithin is false where the time has passed; 0 is no end.
func (b *Bound) takeWithin(after time.Duration, closed <-chan struct{}) bool {
	var passed <-chan time.Time
	if after > 0 {
		timer := time.NewTimer(after)
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case b.places <- struct{}{}:
	case <-closed:
	case <-passed:
		return false
	}
	return true
}

func (b *Bound) giveBack() {
	select {
	case <-b.places:
	default: // one that was served beyond the bound, or there is none
	}
}

type boundListener struct {
	net.Listener
	bound  *Bound
	once   sync.Once
	closed chan struct{}
}

func (l *boundListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.bound.take(l.closed)
	l.bound.open.Add(1)
	return c, nil
}

func (l *boundListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
