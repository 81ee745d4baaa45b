package listener

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
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
			b := NewBound(2, BoundEvents{Reached: func() { reached.Add(1) }, Shed: func(Shed) {}})
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
	b := NewBound(0, BoundEvents{Reached: func() { t.Error("a bound is reached") }, Shed: func(Shed) { t.Error("a connection was closed") }})
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	serve(t, l, func(http.ResponseWriter, *http.Request) {}, b.ConnState)
	for range 10 {
		dial(t, l.Addr())
	}
	eventually(t, func() bool { return b.Open() == 10 }, "ten connections")
}

// The one that waits has been accepted, so it is served when the listener closes:
// nobody else knows of it.
func TestWhoWaitsWhenTheListenerClosesIsServed(t *testing.T) {
	reached := make(chan struct{}, 1)
	b := NewBound(1, BoundEvents{Reached: func() { reached <- struct{}{} }, Shed: func(Shed) {}})
	l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
	work := newWork(b)
	accepting := make(chan error, 1)
	go func() { accepting <- work.server.Serve(l) }()
	busy, waits := dial(t, l.Addr()), dial(t, l.Addr())
	write(t, busy, getAndWait)
	<-work.begun
	<-reached
	l.Close()
	if err := <-accepting; !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve: %v", err)
	}
	write(t, waits, get)
	if got := read(t, waits); got != "hello" {
		t.Errorf("who waited got %q", got)
	}
	if n := b.Open(); n != 2 {
		t.Errorf("%d connections are open, want the busy one and who waited", n)
	}
	close(work.goOn)
	if got := read(t, busy); got != "hello" {
		t.Errorf("the busy one got %q", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := work.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return b.Open() == 0 }, "no connection is open")
}

// configsOfTLS are a server's and its client's.
func configsOfTLS(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: s.TLS.Certificates}, client
}

// As many clients as there are places keep their connections, whatever stands
// around them; only one more makes one give way.
func TestNobodyGivesWayAsLongAsNobodyWaits(t *testing.T) {
	const limit = 2
	own, theirs := configsOfTLS(t)
	header := func(t *testing.T, c net.Conn) net.Conn {
		t.Helper()
		write(t, c, "PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n")
		return c
	}
	encrypt := func(_ *testing.T, c net.Conn) net.Conn {
		return tls.Client(c, theirs)
	}
	proxies := ProxyProtocol{Trusted: func(string) bool { return true }, Timeout: patience}
	for name, around := range map[string]struct {
		server func(net.Listener) net.Listener
		client func(*testing.T, net.Conn) net.Conn
	}{
		"plain": {func(l net.Listener) net.Listener { return l }, func(_ *testing.T, c net.Conn) net.Conn { return c }},
		"TLS":   {func(l net.Listener) net.Listener { return tls.NewListener(l, own) }, encrypt},
		"PROXY": {proxies.Listener, header},
		"PROXY, TLS": {
			func(l net.Listener) net.Listener { return tls.NewListener(proxies.Listener(l), own) },
			func(t *testing.T, c net.Conn) net.Conn { return encrypt(t, header(t, c)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			var reached, shed atomic.Int32
			b := NewBound(limit, BoundEvents{Reached: func() { reached.Add(1) }, Shed: func(Shed) { shed.Add(1) }})
			l := b.Listener(open(t, "tcp", "127.0.0.1:0"))
			serveWork(t, around.server(l), b)
			var clients []net.Conn
			come := func() { clients = append(clients, around.client(t, dial(t, l.Addr()))) }
			for range limit {
				come()
			}
			for round := range 3 {
				for i, c := range clients {
					write(t, c, get)
					read(t, c)
					idle := limit
					if round == 0 {
						idle = i + 1
					}
					eventually(t, func() bool { return b.idle.count() == idle }, "idle in the order in which they were served")
				}
			}
			if b.Open() != limit || reached.Load()+shed.Load() != 0 {
				t.Errorf("%d are open, the bound was reached %d times, %d gave way", b.Open(), reached.Load(), shed.Load())
			}
			come()
			if n, err := clients[0].Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("who was idle for longest got %d bytes, %v; want the connection's end", n, err)
			}
			for _, c := range clients[1:] {
				write(t, c, get)
				read(t, c)
			}
			if b.Open() != limit || reached.Load() != 0 || shed.Load() != 1 {
				t.Errorf("with one more: %d are open, the bound was reached %d times, %d gave way", b.Open(), reached.Load(), shed.Load())
			}
		})
	}
}

func TestAHijackedConnectionGivesItsPlaceBack(t *testing.T) {
	b := NewBound(1, BoundEvents{Reached: func() {}, Shed: func(Shed) {}})
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
