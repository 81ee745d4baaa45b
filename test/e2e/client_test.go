package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
	closes bool // the gate said that it closes the connection
	took   time.Duration
	err    error
}

// want fails the test unless the answer has this status.
func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.err != nil || a.status != status {
		t.Fatalf("got %d %q, error %v; want %d", a.status, a.body, a.err, status)
	}
	return a
}

// wantRefusal fails the test unless the gate refused for this reason.
func (a answer) wantRefusal(t *testing.T, status int, reason string) answer {
	t.Helper()
	a.want(t, status)
	if !strings.Contains(a.body, "\nreason: "+reason+"\n") {
		t.Fatalf("got %q, want the reason %s", a.body, reason)
	}
	if status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "" {
		t.Errorf("429 without Retry-After: %v", a.header)
	}
	return a
}

// request makes a request of a session; "" is none.
func request(t testing.TB, method, path, session string, body io.Reader) *http.Request {
	t.Helper()
	// Not the test's own context: that ends before the clean-up, which lets
	// requests under way end in order.
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, "http://gate.test"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if session != "" {
		req.Header.Set("Cookie", "PHPSESSID="+session)
	}
	return req
}

// do sends a request and reads the whole answer.
func (g *gate) do(req *http.Request) answer {
	began := time.Now()
	resp, err := g.client.Do(req)
	if err != nil {
		return answer{err: err, took: time.Since(began)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body), err: err, took: time.Since(began)}
}

// get asks for a page.
func (g *gate) get(t testing.TB, path, session string) answer {
	t.Helper()
	return g.do(request(t, http.MethodGet, path, session, nil))
}

// start asks for a page and goes on; the answer comes over the channel.
func (g *gate) start(t testing.TB, path, session string) <-chan answer {
	t.Helper()
	return g.send(request(t, http.MethodGet, path, session, nil))
}

func (g *gate) send(req *http.Request) <-chan answer {
	done := make(chan answer, 1)
	go func() { done <- g.do(req) }()
	return done
}

// queue starts a request and returns when it waits in the line as the nth.
func (g *gate) queue(t *testing.T, path, session string, nth int) <-chan answer {
	t.Helper()
	done := g.start(t, path, session)
	g.awaitMetric(t, "waiting", float64(nth))
	return done
}

// receive waits for an answer.
func receive(t *testing.T, done <-chan answer) answer {
	t.Helper()
	select {
	case a := <-done:
		return a
	case <-time.After(patience):
		t.Fatal("no answer")
		return answer{}
	}
}

// conn is a client that speaks byte by byte.
type conn struct {
	net.Conn
	in *bufio.Reader
}

// dial opens a connection that ends with the test.
func (g *gate) dial(t *testing.T) *conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), g.network, g.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &conn{Conn: c, in: bufio.NewReader(c)}
}

// write sends bytes as they are.
func (c *conn) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// ask sends the head of a request; lines are further header lines.
func (c *conn) ask(t *testing.T, method, path, session string, lines ...string) {
	t.Helper()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: gate.test\r\nCookie: PHPSESSID=%s\r\n", method, path, session)
	for _, line := range lines {
		head += line + "\r\n"
	}
	c.write(t, head+"\r\n")
}

// head reads the head of an answer; its body is still to be read.
func (c *conn) head(t *testing.T) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatalf("read the head of the answer: %v", err)
	}
	return resp
}

// answer reads a whole answer.
func (c *conn) answer(t *testing.T) answer {
	t.Helper()
	resp := c.head(t)
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body), closes: resp.Close, err: err}
}

// halfClose says that nothing more will be sent; reading goes on.
func (c *conn) halfClose(t *testing.T) {
	t.Helper()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		t.Fatalf("%T cannot be closed by halves", c.Conn)
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// soon is how long the gate may take where it waits for nobody.
const soon = 5 * time.Second

// awaitClosed reads on until the gate closes the connection, and returns what
// came before. However it closes, it must do so soon.
func (c *conn) awaitClosed(t *testing.T) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(c.in)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the gate left the connection open; it had sent %q", rest)
	}
	return string(rest)
}

// vanish is a context that ends when the test says so.
func vanish(t *testing.T, req *http.Request) (*http.Request, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(req.Context())
	t.Cleanup(cancel)
	return req.WithContext(ctx), cancel
}
