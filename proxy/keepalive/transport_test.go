package keepalive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/internal/freeport"
	"github.com/sessiongate/sessiongate/proxy/dial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers each connection by a script, and counts.
type server struct {
	net.Listener
	connections, requests atomic.Int32
}

// takePort takes a port that is nobody else's while the test runs.
func takePort(t *testing.T) *freeport.Port {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.GiveBack)
	return port
}

// serve runs a server that handles each connection with handle, and closes it.
func serve(t *testing.T, handle func(s *server, c net.Conn)) *server {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", takePort(t).Address())
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			all.Go(func() {
				defer c.Close()
				handle(s, c)
			})
		}
	})
	return s
}

// answering answers every request with its method and body, and keeps the
// connection unless the request's path says otherwise.
func answering(s *server, c net.Conn) {
	from := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		s.requests.Add(1)
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		said, connection := req.Method+" "+string(body), "keep-alive"
		if req.URL.Path == "/close" {
			connection = "close"
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n%s", connection, len(said), said)
		if req.URL.Path == "/leave" {
			return // without a word
		}
	}
}

func newTransport(t *testing.T, address string) *Transport {
	t.Helper()
	tr, err := New(address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://server"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body, req.GetBody = http.NoBody, nil
	}
	return req
}

// fetch sends a request and reads its answer.
func fetch(t *testing.T, tr http.RoundTripper, method, path, body string) (string, error) {
	t.Helper()
	resp, err := tr.RoundTrip(request(t, method, path, body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func wantAnswer(t *testing.T, tr http.RoundTripper, method, path, body string) {
	t.Helper()
	if got, err := fetch(t, tr, method, path, body); err != nil || got != method+" "+body {
		t.Fatalf("%s %s: %q, %v", method, path, got, err)
	}
}

func (s *server) want(t *testing.T, connections, requests int32) {
	t.Helper()
	if c, r := s.connections.Load(), s.requests.Load(); c != connections || r != requests {
		t.Errorf("%d connections and %d requests, want %d and %d", c, r, connections, requests)
	}
}

func (t *Transport) kept() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.idle)
}

// awaitEnd waits until the server has closed the kept connections.
func (t *Transport) awaitEnd(test *testing.T) {
	test.Helper()
	t.mu.Lock()
	kept := slices.Clone(t.idle)
	t.mu.Unlock()
	for _, c := range kept {
		for c.wire.quiet() {
			if test.Context().Err() != nil {
				test.Fatal("the server does not close")
			}
			runtime.Gosched()
		}
	}
}

func TestAConnectionIsUsedAgain(t *testing.T) {
	s := serve(t, answering)
	tr := newTransport(t, s.Addr().String())
	for range 5 {
		wantAnswer(t, tr, "GET", "/", "")
		wantAnswer(t, tr, "OPTIONS", "/", "")
	}
	s.want(t, 1, 10)
}

func TestConnectionCloseIsHonoured(t *testing.T) {
	s := serve(t, answering)
	tr := newTransport(t, s.Addr().String())
	for range 3 {
		wantAnswer(t, tr, "GET", "/close", "")
		if n := tr.kept(); n != 0 {
			t.Errorf("%d connections are kept", n)
		}
	}
	s.want(t, 3, 3)
}

func TestWhatMayChangeSomethingGetsAConnectionOfItsOwn(t *testing.T) {
	s := serve(t, answering)
	tr := newTransport(t, s.Addr().String())
	wantAnswer(t, tr, "GET", "/", "")
	for i := range 10 {
		wantAnswer(t, tr, "POST", "/", "body")
		wantAnswer(t, tr, "DELETE", "/", "")
		wantAnswer(t, tr, "GET", "/", "with a body")
		wantAnswer(t, tr, "GET", "/", "") // on the one before
		if n := tr.kept(); n != 1 {
			t.Fatalf("round %d: %d connections are kept, want as many as are used at once", i, n)
		}
	}
	s.want(t, 31, 41)
}

func TestAKeptConnectionThatTheServerHasClosedIsNotUsed(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		s := serve(t, answering)
		tr := newTransport(t, s.Addr().String())
		for range 50 {
			wantAnswer(t, tr, "GET", "/leave", "")
			if method == "GET" { // else it does not matter
				tr.awaitEnd(t)
			}
			wantAnswer(t, tr, method, "/", "")
		}
		if r := s.requests.Load(); r != 100 {
			t.Errorf("%d requests came, 100 were sent", r)
		}
	}
}

// hooked is a TCP connection on which something happens before a write.
type hooked struct {
	*net.TCPConn
	before func()
}

func (h *hooked) Write(p []byte) (int, error) {
	if h.before != nil {
		h.before()
	}
	return h.TCPConn.Write(p)
}

// hook has something done before each write on connections made from now on.
func (t *Transport) hook(before func()) {
	inner := t.dialer.Dial
	t.dialer.Dial = func(ctx context.Context, network, target string) (net.Conn, error) {
		c, err := inner(ctx, network, target)
		if err != nil {
			return nil, err
		}
		return &hooked{c.(*net.TCPConn), before}, nil
	}
}

// The server closes a kept connection after it was looked at, and before the
// request arrives.
func TestARequestThatMissesItsServerByAMomentIsSentElsewhere(t *testing.T) {
	closes := make(chan chan struct{})
	s := serve(t, func(s *server, c net.Conn) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			answering(s, c)
		}()
		select {
		case closed := <-closes:
			_ = c.Close()
			close(closed)
		case <-done:
		}
		<-done
	})
	tr := newTransport(t, s.Addr().String())
	writes := 0
	tr.hook(func() {
		if writes++; writes%2 == 0 { // the second write on each connection
			closed := make(chan struct{})
			closes <- closed
			<-closed
		}
	})
	wantAnswer(t, tr, "GET", "/", "")
	for range 100 {
		if c := tr.kept(); c != 1 {
			t.Fatalf("%d connections are kept", c)
		}
		wantAnswer(t, tr, "GET", "/", "") // closed under it, then sent on a new one
		writes = 1
	}
	s.want(t, 101, 101)
}

// What the server has got a part of is not sent again, whatever its method is.
func TestARequestThatTheServerHasSeenIsNotSentAgain(t *testing.T) {
	for name, read := range map[string]int{"a part": 8, "all": 4096} {
		for _, kept := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, kept %v", name, kept), func(t *testing.T) {
				s := serve(t, func(s *server, c net.Conn) {
					if kept {
						if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
							return
						}
						io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nGET ")
					}
					if n, _ := c.Read(make([]byte, read)); n > 0 {
						s.requests.Add(1)
					}
				})
				tr := newTransport(t, s.Addr().String())
				if kept {
					wantAnswer(t, tr, "GET", "/", "")
				}
				_, err := fetch(t, tr, "GET", "/", "")
				if err == nil {
					t.Fatal("an answer from a server that gave none")
				}
				if _, unsent := errors.AsType[*dial.Error](err); unsent {
					t.Errorf("%v says that nothing was sent", err)
				}
				s.want(t, 1, 1)
			})
		}
	}
}

func TestAServerThatIsNotThereIsADialError(t *testing.T) {
	tr := newTransport(t, takePort(t).Address())
	for _, body := range []string{"", "body"} {
		closed := &closeCounter{Reader: strings.NewReader(body)}
		req := request(t, "POST", "/", body)
		req.Body = closed
		_, err := tr.RoundTrip(req)
		if failed, ok := errors.AsType[*dial.Error](err); !ok || !failed.ServerFault() {
			t.Errorf("%v, want a *dial.Error that is the server's fault", err)
		}
		if closed.times.Load() == 0 {
			t.Error("the request's body was not closed")
		}
	}
}

type closeCounter struct {
	io.Reader
	times atomic.Int32
}

func (c *closeCounter) Close() error {
	c.times.Add(1)
	return nil
}

func TestAChangedProtocolIsTheCallersConnection(t *testing.T) {
	s := serve(t, func(_ *server, c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(c, c)
	})
	tr := newTransport(t, s.Addr().String())
	req := request(t, "GET", "/", "")
	req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	both, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d, body %T", resp.StatusCode, resp.Body)
	}
	if socket, ok := both.(interface{ NetConn() net.Conn }); !ok || socket.NetConn().RemoteAddr().String() != s.Addr().String() {
		t.Errorf("%T does not show its socket", both)
	}
	if _, err := io.WriteString(both, "hello"); err != nil {
		t.Fatal(err)
	}
	if half, ok := resp.Body.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		t.Errorf("this side of %T cannot be ended alone", resp.Body)
	}
	if echo, err := io.ReadAll(both); err != nil || string(echo) != "hello" {
		t.Errorf("%q, %v", echo, err)
	}
	if err := both.Close(); err != nil || tr.kept() != 0 {
		t.Errorf("close: %v; %d connections are kept", err, tr.kept())
	}
}

func TestAnAnswerThatIsGivenUpEndsItsConnection(t *testing.T) {
	left := make(chan struct{})
	s := serve(t, func(_ *server, c net.Conn) {
		defer close(left)
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nfor ever")
		_, _ = c.Read(make([]byte, 1))
	})
	tr := newTransport(t, s.Addr().String())
	resp, err := tr.RoundTrip(request(t, "GET", "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() {
		_, err := io.ReadAll(resp.Body)
		read <- err
	}()
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	<-left
	if err := <-read; err == nil {
		t.Error("the answer that was given up looks whole")
	}
	if tr.kept() != 0 {
		t.Error("its connection is kept")
	}
}

func TestAContextThatEndsUnblocks(t *testing.T) {
	arrived := make(chan struct{})
	s := serve(t, func(_ *server, c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			close(arrived)
		}
		_, _ = c.Read(make([]byte, 1))
	})
	tr := newTransport(t, s.Addr().String())
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	go func() {
		<-arrived
		cancel(enough)
	}()
	_, err := tr.RoundTrip(request(t, "GET", "/", "").WithContext(ctx))
	if _, unsent := errors.AsType[*dial.Error](err); err == nil || unsent {
		t.Errorf("error %v", err)
	}
}

// inMemory is a transport to a server of its own on net.Pipe, for bubbles.
func inMemory(t *testing.T, handle func(*server, net.Conn)) (*Transport, *server) {
	t.Helper()
	tr, s := newTransport(t, "server:80"), &server{}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { _ = tr.Close() })
	tr.dialer.Dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		s.connections.Add(1)
		all.Go(func() {
			defer far.Close()
			handle(s, far)
		})
		return near, nil
	}
	return tr, s
}

func TestConnectionsAreKeptForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, s := inMemory(t, answering)
		wantAnswer(t, tr, "GET", "/", "")
		time.Sleep(idleTimeout - time.Second) // a bubble's
		wantAnswer(t, tr, "GET", "/", "")
		s.want(t, 1, 2)
		time.Sleep(idleTimeout - time.Second)
		synctest.Wait()
		if tr.kept() != 1 {
			t.Fatalf("%d connections are kept", tr.kept())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if tr.kept() != 0 {
			t.Fatalf("%d connections are kept for longer than %v", tr.kept(), idleTimeout)
		}
		wantAnswer(t, tr, "GET", "/", "")
		s.want(t, 2, 3)
	})
}

func TestNothingIsKeptAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, s := inMemory(t, answering)
		resp, err := tr.RoundTrip(request(t, "GET", "/", ""))
		if err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, tr, "GET", "/", "")
		_ = tr.Close()
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Errorf("a request that was under way: %v", err)
		}
		if tr.kept() != 0 {
			t.Errorf("%d connections are kept", tr.kept())
		}
		s.want(t, 2, 2)
	})
}

// Many at once, on a server that leaves as it likes between two requests: every
// request is answered, and no request comes twice.
func TestNoRequestFailsOrComesTwiceWhereTheServerLeavesBetweenRequests(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	s := serve(t, func(s *server, c net.Conn) {
		from := bufio.NewReader(c)
		for range 1 + s.connections.Load()%7 {
			req, err := http.ReadRequest(from)
			if err != nil {
				return
			}
			mu.Lock()
			seen[req.Header.Get("X-Id")]++
			mu.Unlock()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	tr := newTransport(t, s.Addr().String())
	var all sync.WaitGroup
	var failed atomic.Int32
	const workers, each = 8, 300
	for worker := range workers {
		all.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", worker, i)
				req := request(t, []string{"GET", "POST"}[i%2], "/", "")
				req.Header.Set("X-Id", id)
				resp, err := tr.RoundTrip(req)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
				}
				mu.Lock()
				times := seen[id]
				mu.Unlock()
				if times > 1 || err == nil && times != 1 {
					t.Errorf("%s came %d times, %v", id, times, err)
				}
				if err != nil {
					failed.Add(1)
					if req.Method == "POST" {
						t.Errorf("%s: %v", id, err)
					}
				}
			}
		})
	}
	all.Wait()
	// A reset does not say whether the server has read a part: such a GET fails.
	t.Logf("%d of %d failed by a reset, %d connections", failed.Load(), workers*each, s.connections.Load())
	if n := failed.Load(); n > workers*each/10 {
		t.Errorf("%d requests failed", n)
	}
}

func TestChecks(t *testing.T) {
	s := serve(t, func(s *server, c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		s.requests.Add(1)
		status := strings.TrimPrefix(req.URL.Path, "/")
		fmt.Fprintf(c, "HTTP/1.1 %s x\r\n\r\n", status)
	})
	tr := newTransport(t, s.Addr().String())
	for path, want := range map[string]string{
		"": "", "/200": "", "/204": "", "/302": "", "/404": "GET /404: status 404, want 200 to 399", "/503": "GET /503: status 503, want 200 to 399",
	} {
		err := tr.Check(t.Context(), path)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	_ = s.Close()
	if err := tr.Check(t.Context(), ""); err == nil {
		t.Error("a server that is gone is well")
	}
	if tr.kept() != 0 {
		t.Error("a check's connection is kept")
	}
}
