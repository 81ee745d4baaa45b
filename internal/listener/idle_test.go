package listener

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const getAndWait = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"

// work is a server whose requests for /wait last until goOn is closed, or their
// client has left.
type work struct {
	server *http.Server
	begun  chan struct{}
	goOn   chan struct{}
}

func serveWork(t *testing.T, l net.Listener, b *Bound) *work {
	t.Helper()
	w := newWork(b)
	w.server = serve(t, l, w.do, b.ConnState)
	return w
}

// newWork is a server that has no listener yet.
func newWork(b *Bound) *work {
	w := &work{begun: make(chan struct{}, 100), goOn: make(chan struct{})}
	w.server = &http.Server{Handler: http.HandlerFunc(w.do), ConnState: b.ConnState, ReadHeaderTimeout: patience}
	return w
}

func (w *work) do(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/wait" {
		w.begun <- struct{}{}
		select {
		case <-w.goOn:
		case <-r.Context().Done():
		}
	}
	io.WriteString(rw, "hello")
}

// shedding is a bound that counts what it closes.
func shedding(limit int) (*Bound, *atomic.Int32) {
	var shed atomic.Int32
	return NewBound(limit, BoundEvents{Reached: func() {}, Shed: func(Shed) { shed.Add(1) }}), &shed
}

// newestIs says that the client at an address was the last to become idle.
func (i *idle) newestIs(client net.Addr) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.between.newest != nil && i.between.newest.conn.RemoteAddr().String() == client.String()
}

func (i *idle) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.between.n
}

// wantClosed expects an ordinary end.
func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	if rest, err := io.ReadAll(c); err != nil || len(rest) != 0 {
		t.Errorf("got %q, %v; want the connection's end", rest, err)
	}
}

func TestTheConnectionThatIsIdleForLongestGivesWay(t *testing.T) {
	b, shed := shedding(3)
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	w := serveWork(t, l, b)
	busy, first, second := dial(t, l.Addr()), dial(t, l.Addr()), dial(t, l.Addr())
	write(t, busy, getAndWait)
	<-w.begun
	for _, c := range []net.Conn{first, second, first} { // so that second is idle for longest
		write(t, c, get)
		read(t, c)
		eventually(t, func() bool { return b.idle.newestIs(c.LocalAddr()) }, "the server is done with the request")
	}
	third := dial(t, l.Addr())
	eventually(t, func() bool { return shed.Load() == 1 }, "room for the next one")
	wantClosed(t, second)
	for _, c := range []net.Conn{first, third} {
		write(t, c, get)
		read(t, c)
	}
	close(w.goOn)
	if got := read(t, busy); got != "hello" {
		t.Errorf("the busy one got %q", got)
	}
}

func TestAConnectionThatComesToBeIdleGivesWayToOneThatWaits(t *testing.T) {
	reached := make(chan struct{}, 10)
	b := NewBound(1, BoundEvents{Reached: func() { reached <- struct{}{} }, Shed: func(Shed) {}})
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	w := serveWork(t, l, b)
	busy, next := dial(t, l.Addr()), dial(t, l.Addr())
	write(t, busy, getAndWait)
	write(t, next, get)
	<-w.begun
	<-reached
	close(w.goOn)
	if got := read(t, busy); got != "hello" {
		t.Errorf("the busy one got %q", got)
	}
	wantClosed(t, busy)
	if got := read(t, next); got != "hello" {
		t.Errorf("the next one got %q", got)
	}
}

// Nothing is done for a request that comes too late: its client will take it for
// one that may be sent again.
func TestARequestOnAConnectionThatHasGivenWayIsNotBegun(t *testing.T) {
	b, shed := shedding(1)
	here, there := net.Pipe()
	defer there.Close()
	b.places <- struct{}{}
	for _, s := range []http.ConnState{http.StateNew, http.StateActive, http.StateIdle} {
		b.ConnState(here, s)
	}
	first, _ := b.idle.makeRoom()
	if second, _ := b.idle.makeRoom(); first == nil || second != nil {
		t.Fatal("the one idle connection gives way, and once")
	}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("panic %v", p)
			}
		}()
		b.ConnState(here, http.StateActive)
		t.Error("the request is begun")
	}()
	b.ConnState(here, http.StateClosed)
	if len(b.places) != 0 || len(b.idle.connections) != 0 || b.idle.between.oldest != nil || b.idle.between.newest != nil {
		t.Errorf("left behind: %d places, %+v", len(b.places), &b.idle)
	}
	if shed.Load() != 0 {
		t.Error("take counts, not idle")
	}
}

// Clients that keep their connections fight over two places: whatever was begun
// was answered.
func TestWhatWasBegunIsAnswered(t *testing.T) {
	b, shed := shedding(2)
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	var begun, answered atomic.Int32
	serve(t, l, func(w http.ResponseWriter, _ *http.Request) {
		begun.Add(1)
		io.WriteString(w, "hello")
	}, b.ConnState)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for n := 0; n < 50; {
				n += visit(l.Addr(), &answered)
			}
		})
	}
	clients.Wait()
	if begun.Load() != answered.Load() {
		t.Errorf("%d requests were begun and %d answered", begun.Load(), answered.Load())
	}
	if shed.Load() == 0 {
		t.Error("no connection had to give way: nothing was shown")
	}
	eventually(t, func() bool { return b.Open() == 0 }, "no connection is open")
}

// visit sends requests on one connection until it ends, ten at most, and counts
// the answers.
func visit(at net.Addr, answered *atomic.Int32) (n int) {
	c, err := net.Dial(at.Network(), at.String())
	if err != nil {
		return 0
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	for n < 10 {
		if _, err := io.WriteString(c, get); err != nil {
			return n
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return n
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			return n
		}
		answered.Add(1)
		n++
	}
	return n
}

func TestASocketIsFoundBehindWhatStandsAroundIt(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	proxied := &proxiedConn{raw: here}
	if got := Socket(tls.Server(proxied, &tls.Config{MinVersion: tls.VersionTLS12})); got != here {
		t.Errorf("got %T", got)
	}
	if errors.Is(here.Close(), net.ErrClosed) {
		t.Error("it was closed")
	}
}
