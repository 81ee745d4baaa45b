package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/internal/listener"
)

// shortest is how long slow clients may take nothing, at first.
const shortest = time.Second

// writeIdle is the configuration of a gate whose clients may take nothing for so
// long.
func writeIdle(d time.Duration) string {
	return fmt.Sprintf("server: {write_idle_timeout: %s}", d)
}

// inFrontOfBig is a gate before a backend that answers with so many bytes.
func inFrontOfBig(t *testing.T, size int, idle time.Duration, parts ...string) *gate {
	t.Helper()
	return inFrontOfHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(bytes.Repeat([]byte("x"), size))
	}, append([]string{"log: {access: false}", writeIdle(idle)}, parts...)...)
}

// takeALittle reads a little at a time, for several times as long as a client may
// take nothing at all: so much within that time that a kernel which fills a small
// buffer only when half of it is free, or after some 300 ms, passes bytes several
// times, and too little for a write to the gate's large buffer to come to its end.
func takeALittle(from io.Reader, idle time.Duration) error {
	tick := time.NewTicker(idle / 200)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < 3*idle; <-tick.C {
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
	for protocol, start := range map[string]func(*testing.T, time.Duration) (*gate, *conn){
		"plain": func(t *testing.T, idle time.Duration) (*gate, *conn) {
			g := inFrontOfBig(t, size, idle)
			return g, g.dial(t)
		},
		"TLS": func(t *testing.T, idle time.Duration) (*gate, *conn) {
			g := inFrontOfBig(t, size, idle, newCertificate(t).config())
			return g, g.dialTLS(t)
		},
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			gatetest.Unhurried(t, shortest, func(idle time.Duration) error {
				g, c := start(t, idle)
				takeInLittle(t, c)
				c.ask(t, "GET", "/", "one")
				return g.keptOn(t, c, "relay", takeALittle(c.head(t).Body, idle))
			})
		})
	}
}

// keptOn says what became of a client that has taken a little for long, err or
// nothing amiss, and lets it leave.
func (g *gate) keptOn(t *testing.T, c *conn, stage string, err error) error {
	t.Helper()
	gone := g.metric(t, fmt.Sprintf("client_gone_total{stage=%q}", stage))
	if err == nil && (gone != 0 || g.metric(t, "in_flight") != 1) {
		err = errors.New("the answer was given up, though the client takes it") // what the kernel has it still gets
	}
	c.Close()
	g.awaitMetric(t, "in_flight", 0)
	return err
}

func TestAClientThatTakesNothingIsCut(t *testing.T) {
	t.Parallel()
	const size = 16 << 20
	g := inFrontOfBig(t, size, shortest)
	c := g.dial(t)
	takeInLittle(t, c)
	c.ask(t, "GET", "/", "one")
	g.awaitMetric(t, `client_gone_total{stage="relay"}`, 1)
	g.awaitMetric(t, "in_flight", 0)
	g.awaitMetric(t, "connections", 0)
}

func TestAStreamThatIsTakenALittleIsNotReset(t *testing.T) {
	t.Parallel()
	const size = 256 << 10
	gatetest.Unhurried(t, shortest, func(idle time.Duration) error {
		g := inFrontOfBig(t, size, idle, newCertificate(t).config())
		c := g.dialFrames(t, 0)
		return takeStreamSlowly(c, c.ask(t, true, "GET", "/"), size, idle)
	})
}

// takeStreamSlowly makes room for a little at a time, for several times as long
// as a stream may take nothing at all, and then for the rest of size bytes.
func takeStreamSlowly(c *frames, stream uint32, size int, idle time.Duration) error {
	got, began := 0, time.Now()
	grant := func(n uint32) error {
		return errors.Join(c.WriteWindowUpdate(0, n), c.WriteWindowUpdate(stream, n))
	}
	const window = 64<<10 - 1
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for slow := true; got < size; {
		frame, err := c.ReadFrame()
		if err != nil {
			return fmt.Errorf("the connection ended after %v and %d bytes: %w", time.Since(began), got, err)
		}
		if reset, ok := frame.(*http2.RSTStreamFrame); ok {
			return fmt.Errorf("reset after %v and %d bytes: %v", time.Since(began), got, reset.ErrCode)
		}
		data, ok := frame.(*http2.DataFrame)
		if !ok {
			continue
		}
		got += len(data.Data())
		switch {
		case got < window: // what may come without being asked for
		case slow && time.Since(began) < 4*idle:
			<-tick.C
			err = grant(2 << 10)
		case slow:
			slow = false
			err = grant(uint32(size))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const sendingEvery = 50 * time.Millisecond

// sendSlowly sends a piece every now and then, so many times, or until the
// connection ends.
func sendSlowly(c net.Conn, piece string, times int) error {
	tick := time.NewTicker(sendingEvery)
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
	t.Parallel()
	const size = 8 << 10
	pool := startPHP(t, 1)
	gatetest.Unhurried(t, 300*time.Millisecond, func(idle time.Duration) error {
		pieces := int(10 * idle / sendingEvery) // for ten times as long as nothing may come
		g := startGate(t, inFrontOf(pool), fmt.Sprintf("server: {body_idle_timeout: %s}", idle))
		c := g.dial(t)
		c.ask(t, "POST", "/echo.php", "one", "Content-Type: text/plain", fmt.Sprint("Content-Length: ", pieces*size))
		if err := sendSlowly(c, string(bytes.Repeat([]byte("x"), size)), pieces); err != nil {
			return err
		}
		a := c.answer(t)
		if a.status == http.StatusRequestTimeout {
			return errors.New(a.body)
		}
		if got := readEcho(t, a); got.Length != pieces*size {
			t.Errorf("PHP got %d of %d bytes", got.Length, pieces*size)
		}
		return nil
	})
}

// Some requests are answered by net/http itself, which reads their bodies away
// and knows no limit of time.
func TestABodyThatTheGateDoesNotSeeIsWaitedForNotForEver(t *testing.T) {
	t.Parallel()
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
