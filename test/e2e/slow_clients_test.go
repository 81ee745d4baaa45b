package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/sessiongate/sessiongate/internal/listener"
)

// inFrontOfBig is a gate before a backend that answers with so many bytes; how
// long a client may take nothing is short.
func inFrontOfBig(t *testing.T, size int, parts ...string) *gate {
	t.Helper()
	return inFrontOfHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(bytes.Repeat([]byte("x"), size))
	}, append([]string{"{log: {access: false}, server: {write_idle_timeout: 1s}}"}, parts...)...)
}

// takeSlowly reads a little at a time, for several times as long as a client may
// take nothing at all.
func takeSlowly(t *testing.T, from io.Reader) {
	t.Helper()
	if err := takeALittle(from); err != nil {
		t.Fatal(err)
	}
}

func takeALittle(from io.Reader) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < 3*time.Second; <-tick.C {
		if _, err := from.Read(make([]byte, 4<<10)); err != nil {
			return fmt.Errorf("cut after %v: %w", time.Since(began), err)
		}
	}
	return nil
}

// takeInLittle gives a client a kernel that takes in no more than a phone's.
func takeInLittle(t *testing.T, c *conn) {
	t.Helper()
	if err := listener.Socket(c.Conn).(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
}

// What counts is that bytes are taken, not that a write comes to its end: the
// kernel holds megabytes for such a client.
func TestAClientThatTakesALittleIsNotCut(t *testing.T) {
	const size = 16 << 20
	for protocol, start := range map[string]func(t *testing.T) (*gate, *conn){
		"plain": func(t *testing.T) (*gate, *conn) {
			g := inFrontOfBig(t, size)
			return g, g.dial(t)
		},
		"TLS": func(t *testing.T) (*gate, *conn) {
			g := inFrontOfBig(t, size, newCertificate(t).config())
			return g, g.dialTLS(t)
		},
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			g, c := start(t)
			takeInLittle(t, c)
			c.ask(t, "GET", "/", "one")
			resp := c.head(t)
			takeSlowly(t, resp.Body)
			if n := g.metric(t, `client_gone_total{stage="relay"}`); n != 0 || g.metric(t, "in_flight") != 1 {
				t.Error("the answer was given up, though the client takes it") // what the kernel has it still gets
			}
			c.Close()
			g.awaitMetric(t, "in_flight", 0)
		})
	}
}

func TestAClientThatTakesNothingIsCut(t *testing.T) {
	const size = 16 << 20
	g := inFrontOfBig(t, size)
	c := g.dial(t)
	takeInLittle(t, c)
	c.ask(t, "GET", "/", "one")
	g.awaitMetric(t, `client_gone_total{stage="relay"}`, 1)
	g.awaitMetric(t, "in_flight", 0)
	g.awaitMetric(t, "connections", 0)
}

func TestAStreamThatIsTakenALittleIsNotReset(t *testing.T) {
	const size = 256 << 10
	g := inFrontOfBig(t, size, newCertificate(t).config(), "server: {write_idle_timeout: 1s}")
	c := g.dialFrames(t, 0)
	takeStreamSlowly(t, c, c.ask(t, true, "GET", "/"), size)
}

// takeStreamSlowly makes room for a little at a time, for several times as long
// as a stream may take nothing at all, and then for the rest of size bytes.
func takeStreamSlowly(t *testing.T, c *frames, stream uint32, size int) {
	t.Helper()
	got, began := 0, time.Now()
	grant := func(n uint32) {
		for _, id := range []uint32{0, stream} {
			if err := c.WriteWindowUpdate(id, n); err != nil {
				t.Fatal(err)
			}
		}
	}
	const window = 64<<10 - 1
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	slow := true
	for got < size {
		frame, err := c.ReadFrame()
		if err != nil {
			t.Fatalf("the connection ended after %v and %d bytes: %v", time.Since(began), got, err)
		}
		if reset, ok := frame.(*http2.RSTStreamFrame); ok {
			t.Fatalf("reset after %v and %d bytes: %v", time.Since(began), got, reset.ErrCode)
		}
		data, ok := frame.(*http2.DataFrame)
		if !ok {
			continue
		}
		got += len(data.Data())
		switch {
		case got < window: // what may come without being asked for
		case slow && time.Since(began) < 4*time.Second:
			<-tick.C
			grant(2 << 10)
		case slow:
			slow = false
			grant(uint32(size))
		}
	}
}

// sendSlowly sends a piece every now and then, so many times, or until the
// connection ends.
func sendSlowly(c net.Conn, piece string, times int) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range times {
		<-tick.C
		if _, err := io.WriteString(c, piece); err != nil {
			return err
		}
	}
	return nil
}

// However steadily a header comes: it has to be there in time.
func TestAHeaderThatTricklesIsCutOff(t *testing.T) {
	asked := make(chan struct{}, 1)
	g := inFrontOfHTTP(t, func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }, "server: {read_header_timeout: 500ms}")
	c := g.dial(t)
	c.write(t, "GET / HTTP/1.1\r\nHost: gate.test\r\nX-Slow: ")
	if err := sendSlowly(c, "x", 20*60); err == nil {
		t.Error("the connection is open after a minute")
	}
	g.awaitMetric(t, "connections", 0)
	if len(asked) != 0 {
		t.Error("half a header reached the backend")
	}
}

// Bodies that do not come to their end take no place from the session whose
// cookie they bear, nor from anybody else.
func TestUploadsThatTrickleTakeNoPlace(t *testing.T) {
	const uploads = 200
	g := startGate(t, inFrontOf(startPHP(t, 1)), "{log: {access: false}, server: {max_uploading: 0, max_uploading_per_client: 0}, lock: {max_waiting: 1, max_waiting_total: 2}}")
	var crowd []*conn
	for range uploads {
		c := g.dial(t)
		c.ask(t, "POST", "/counter.php", "one", "Content-Length: 1000000")
		c.write(t, "x")
		crowd = append(crowd, c)
	}
	g.awaitMetric(t, "uploading", uploads)
	if w, s := g.metric(t, "waiting"), g.metric(t, "sessions"); w != 0 || s != 0 {
		t.Errorf("%v wait, %v sessions", w, s)
	}
	for _, session := range []string{"one", "two"} {
		if a := g.get(t, "/counter.php", session).want(t, 200); a.took > soon {
			t.Errorf("session %s: %v", session, a.took)
		}
	}
	for _, c := range crowd {
		c.Close()
	}
	g.awaitMetric(t, "uploading", 0)
	g.awaitMetric(t, "in_flight", 0)
	g.wantEmptySpool(t)
}

// An upload may take as long as it likes, for as long as it goes on.
func TestALargeUploadOverASlowLinePasses(t *testing.T) {
	const pieces, size = 60, 8 << 10 // for ten times as long as nothing may come
	g := startGate(t, inFrontOf(startPHP(t, 1)), "server: {body_idle_timeout: 300ms}")
	c := g.dial(t)
	c.ask(t, "POST", "/echo.php", "one", "Content-Type: text/plain", fmt.Sprint("Content-Length: ", pieces*size))
	if err := sendSlowly(c, string(bytes.Repeat([]byte("x"), size)), pieces); err != nil {
		t.Fatal(err)
	}
	if got := readEcho(t, c.answer(t)); got.Length != pieces*size {
		t.Errorf("PHP got %d of %d bytes", got.Length, pieces*size)
	}
}

// Some requests are answered by net/http itself, which reads their bodies away
// and knows no limit of time.
func TestABodyThatTheGateDoesNotSeeIsWaitedForNotForEver(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 1)), "server: {body_idle_timeout: 300ms, idle_timeout: 0s}")
	for name, head := range map[string]string{
		"an expectation": "POST / HTTP/1.1\r\nHost: gate.test\r\nExpect: evil\r\nContent-Length: 5\r\n\r\n",
		"OPTIONS *":      "OPTIONS * HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := g.dial(t)
			c.write(t, head)
			c.awaitClosed(t)
			g.awaitMetric(t, "connections", 0)
		})
	}
	// A request without a body has no such limit.
	g.get(t, "/slow.php?ms=1000", "one").want(t, 200)
	g.client.CloseIdleConnections()
}
