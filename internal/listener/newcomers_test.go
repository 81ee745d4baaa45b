package listener

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// dialFrom connects from an address of this machine.
func dialFrom(t *testing.T, from string, at net.Addr) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), at.Network(), at.String())
	if err != nil {
		t.Fatalf("no connection from %s: %v", from, err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// A crowd of one address that sends no request loses its own connections, oldest
// first: who has just come from elsewhere is not hurried.
func TestACrowdThatSendsNoHeaderGivesWay(t *testing.T) {
	own, _ := configsOfTLS(t)
	proxies := ProxyProtocol{Trusted: func(string) bool { return true }, Timeout: patience, Refused: func(net.Addr, error) {}}
	plain := func(l net.Listener) net.Listener { return l }
	for name, c := range map[string]struct {
		around func(net.Listener) net.Listener
		sends  string
	}{
		"nothing":             {plain, ""},
		"a byte":              {plain, "G"},
		"half a header":       {plain, "GET / HTTP/1.1\r\nHost: h\r\n"},
		"half a handshake":    {func(l net.Listener) net.Listener { return tls.NewListener(l, own) }, "\x16\x03\x01"},
		"half a PROXY header": {proxies.Listener, "PRO"},
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 4
			shed := make(chan Shed, 100)
			b := NewBound(limit, BoundEvents{Reached: func() {}, Shed: func(s Shed) { shed <- s }})
			b.idle.grace = 10 * time.Millisecond
			l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
			serveWork(t, c.around(l), b)
			var crowd []net.Conn
			join := func() {
				c2 := dialFrom(t, "127.0.0.2", l.Addr())
				write(t, c2, c.sends)
				crowd = append(crowd, c2)
			}
			for range limit - 1 {
				join()
			}
			other := dialFrom(t, "127.0.0.3", l.Addr())
			eventually(t, func() bool { return b.Open() == limit }, "the places are taken")
			for range 2 * limit {
				join()
			}
			for n := range 2 * limit {
				if s := <-shed; s.Client != "127.0.0.2" || s.Of != limit-1 {
					t.Errorf("%+v gave way", s)
				}
				if k, err := crowd[n].Read(make([]byte, 1)); k != 0 || err == nil || isTimeout(err) {
					t.Errorf("the crowd's connection %d got %d bytes, %v; want its end", n, k, err)
				}
			}
			if !b.idle.knows(other) {
				t.Error("the other client's connection gave way")
			}
			if name != "half a handshake" && name != "half a PROXY header" {
				write(t, other, get)
				if got := read(t, other); got != "hello" {
					t.Errorf("the other client got %q", got)
				}
			}
		})
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// knows says that the client's connection is among those without a request.
func (i *idle) knows(client net.Conn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for c := range i.connections {
		if Socket(c).RemoteAddr().String() == client.LocalAddr().String() {
			return true
		}
	}
	return false
}

// While a crowd of one address takes every place again as soon as it is lost, each
// visitor is answered.
func TestVisitorsAreServedWhileACrowdComesAgain(t *testing.T) {
	b, _ := shedding(8)
	b.idle.grace = 20 * time.Millisecond
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	serveWork(t, l, b)
	over := make(chan struct{})
	var crowd sync.WaitGroup
	for range 24 {
		crowd.Go(func() {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}
			for {
				c, err := d.DialContext(t.Context(), l.Addr().Network(), l.Addr().String())
				if err != nil {
					return
				}
				stop := afterClose(over, c)
				_, _ = c.Write([]byte("G"))
				_, _ = c.Read(make([]byte, 1))
				c.Close()
				if stop() {
					return
				}
			}
		})
	}
	eventually(t, func() bool { return b.Open() == 8 }, "the crowd has all places")
	for n := range 5 {
		c := dialFrom(t, fmt.Sprint("127.0.1.", n+1), l.Addr())
		write(t, c, get)
		if got := read(t, c); got != "hello" {
			t.Errorf("visitor %d got %q", n, got)
		}
		c.Close()
	}
	close(over)
	crowd.Wait()
}

// afterClose closes c when over is closed; stop ends that, and says whether it is.
func afterClose(over <-chan struct{}, c net.Conn) (stop func() bool) {
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-over:
			c.Close()
		case <-ended:
		}
	}()
	return func() bool {
		close(ended)
		<-gone
		select {
		case <-over:
			return true
		default:
			return false
		}
	}
}

// Requests that come at once on more new connections than there are places are
// all answered: nobody is cut off before the time for a header has passed.
func TestABurstOfNewConnectionsIsAnswered(t *testing.T) {
	b, shed := shedding(2)
	b.idle.grace = patience
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	serveWork(t, l, b)
	var answered atomic.Int32
	var burst sync.WaitGroup
	for range 20 {
		burst.Go(func() { visit(l.Addr(), &answered) })
	}
	burst.Wait()
	if answered.Load() < 20 {
		t.Errorf("%d answers to 20 clients, %d connections gave way", answered.Load(), shed.Load())
	}
}

// The client with the most is the right one, whatever came and went.
func TestTheClientWithTheMostIsFound(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		n := newNewcomers()
		var there []*idleConn
		count := map[string]int{}
		for range 500 {
			if len(there) == 0 || rnd.IntN(5) < 3 {
				e := &idleConn{}
				name := fmt.Sprint(rnd.IntN(6))
				n.add(name, e)
				there, count[name] = append(there, e), count[name]+1
			} else {
				at := rnd.IntN(len(there))
				e := there[at]
				name := e.client.name
				n.remove(e)
				there, count[name] = slices.Delete(there, at, at+1), count[name]-1
			}
			most := 0
			for _, k := range count {
				most = max(most, k)
			}
			first := n.first()
			if n.most != most || (first == nil) != (most == 0) {
				t.Fatalf("seed %d: most is %d, want %d", seed, n.most, most)
			}
			if first == nil {
				continue
			}
			oldest := there[slices.IndexFunc(there, func(e *idleConn) bool { return e.client == first.client })]
			if count[first.client.name] != most || first != oldest {
				t.Fatalf("seed %d: the wrong one gives way first", seed)
			}
		}
		for _, e := range there {
			n.remove(e)
		}
		if len(n.clients)+len(n.having)+n.most != 0 {
			t.Errorf("left behind: %+v", n)
		}
	}
}
