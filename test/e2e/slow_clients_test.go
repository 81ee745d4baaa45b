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
	}, append([]string{"{log: {access: false}, server: {write_idle_timeout: 500ms}}"}, parts...)...)
}

// takeSlowly reads a little at a time, for several times as long as a client may
// take nothing at all.
func takeSlowly(t *testing.T, from io.Reader) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < 3*time.Second; <-tick.C {
		if _, err := from.Read(make([]byte, 4<<10)); err != nil {
			t.Fatalf("cut after %v: %v", time.Since(began), err)
		}
	}
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
	stream := c.ask(t, true, "GET", "/")
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
			grant(size)
		}
	}
}
