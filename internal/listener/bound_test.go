package listener

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

const patience = 20 * time.Second

// serve runs a server on a listener until the test ends.
func serve(t *testing.T, l net.Listener, h http.HandlerFunc, hook func(net.Conn, http.ConnState)) *http.Server {
	t.Helper()
	s := &http.Server{Handler: h, ConnState: hook, ReadHeaderTimeout: patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); err != http.ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return s
}

func open(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func dial(t *testing.T, at net.Addr) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), at.Network(), at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// read returns the body of the next answer.
func read(t *testing.T, c net.Conn) string {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !condition() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

func TestConnectionsBeyondTheBoundWaitUntilOneEnds(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) {
			var reached atomic.Int32
			b := NewBound(2, BoundEvents{Reached: func() { reached.Add(1) }, Shed: func() {}})
			l := b.Listener(open(t, network, address))
			work := serveWork(t, l, b)
			first, second, third := dial(t, l.Addr()), dial(t, l.Addr()), dial(t, l.Addr())
			for _, c := range []net.Conn{first, second} {
				write(t, c, getAndWait)
				<-work.begun
			}
			eventually(t, func() bool { return reached.Load() == 1 }, "the bound is reached")
			write(t, third, get)
			if n := b.Open(); n != 2 {
				t.Errorf("%d connections are open", n)
			}
			first.Close()
			if got := read(t, third); got != "hello" {
				t.Errorf("the third one got %q", got)
			}
			second.Close()
			third.Close()
			close(work.goOn)
			eventually(t, func() bool { return b.Open() == 0 }, "no connection is open")
		})
	}
}

func TestWithoutALimitConnectionsAreOnlyCounted(t *testing.T) {
	b := NewBound(0, BoundEvents{Reached: func() { t.Error("a bound is reached") }, Shed: func() { t.Error("a connection was closed") }})
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	serve(t, l, func(http.ResponseWriter, *http.Request) {}, b.ConnState)
	for range 10 {
		dial(t, l.Addr())
	}
	eventually(t, func() bool { return b.Open() == 10 }, "ten connections")
}

func TestAServerThatIsFullCanBeShutDown(t *testing.T) {
	reached := make(chan struct{}, 1)
	b := NewBound(1, BoundEvents{Reached: func() { reached <- struct{}{} }, Shed: func() {}})
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	work := serveWork(t, l, b)
	write(t, dial(t, l.Addr()), getAndWait)
	<-work.begun
	<-reached
	close(work.goOn)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := work.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return b.Open() == 0 }, "no connection is open")
}

func TestAHijackedConnectionGivesItsPlaceBack(t *testing.T) {
	b := NewBound(1, BoundEvents{Reached: func() {}, Shed: func() {}})
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	serve(t, l, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		c.Close()
	}, b.ConnState)
	for range 3 {
		c := dial(t, l.Addr())
		write(t, c, get)
		if rest, err := io.ReadAll(c); err != nil || len(rest) != 0 {
			t.Errorf("%q, %v", rest, err)
		}
	}
}
