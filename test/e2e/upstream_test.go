package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

func (g *gate) awaitReady(t *testing.T, status int) string {
	t.Helper()
	var got int
	var body string
	eventually(t, func() bool {
		got, body = g.adminPage(t, "/readyz")
		return got == status
	}, func() string { return fmt.Sprintf("readyz says %d %q, want %d", got, body, status) })
	return body
}

func TestTheGateStartsBeforePHPAndNeedsNoRestart(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			var opts fpm.Options
			if network == "unix" {
				opts.Socket = fpmtest.Socket(t)
			}
			pool := fpmtest.StartUnlocked(t, opts)
			pool.Kill()
			g := startGate(t, inFrontOf(pool), "server: {ready_path: /gate-ready}")
			reasons := g.awaitReady(t, http.StatusServiceUnavailable)
			if want := "upstream php: "; !strings.Contains(reasons, want) || !strings.Contains(reasons, strings.TrimPrefix(pool.Address(), "unix:")) {
				t.Errorf("readyz says %q, want %q and the address %s", reasons, want, pool.Address())
			}
			g.get(t, "/gate-ready", "").want(t, http.StatusServiceUnavailable)
			g.get(t, "/counter.php", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
			if n := g.metric(t, `upstream_errors_total{kind="connect",upstream="php"}`); n != 1 {
				t.Errorf("counted %v failed connections, want 1", n)
			}
			if err := pool.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			g.get(t, "/counter.php", "one").want(t, 200)
			g.awaitReady(t, http.StatusOK)
			g.get(t, "/gate-ready", "").want(t, http.StatusOK)

			pool.Kill()
			g.get(t, "/counter.php", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
			g.awaitReady(t, http.StatusServiceUnavailable)
		})
	}
}

func TestAnAnswerThatBreaksOffIsNeverAWholeOne(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	c := g.dial(t)
	c.ask(t, "GET", "/abort.php?ms=20", "one")
	resp := c.head(t)
	body, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the client got %q, %v; want an unexpected end", body, err)
	}
	g.get(t, "/counter.php", "one").want(t, 200)
	g.awaitMetric(t, `upstream_errors_total{kind="early_eof",upstream="php"}`, 1)

	g.get(t, "/abort.php?when=start", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
	g.get(t, "/counter.php", "one").want(t, 200)
}

func TestAWorkerThatDiesWhileAnotherWaitsGivesTheTurnBack(t *testing.T) {
	pool := startPHP(t, 2)
	g := startGate(t, inFrontOf(pool))
	j, end := newJournal(t), newBarrier(t)
	long := g.dial(t)
	long.ask(t, "GET", j.page("big", "a", "mb=1000", "rate=1", "length=1"), "one")
	resp := long.head(t)
	next := g.queue(t, end.page(j, "b"), "one", 1)
	pool.Kill()
	if n, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("after %d bytes: %v, want an unexpected end", n, err)
	}
	receive(t, next).wantRefusal(t, http.StatusBadGateway, "upstream_error")
	g.awaitMetric(t, "sessions", 0)
}

// brokenFPM answers each connection with these bytes and closes it.
func brokenFPM(t *testing.T, answer string) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-served
	})
	go func() {
		defer close(served)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 16<<10))
			io.WriteString(c, answer)
			c.Close()
		}
	}()
	return l.Addr().String()
}

func TestAnUpstreamThatIsNoPHPIsABadGateway(t *testing.T) {
	for name, said := range map[string]string{
		"nothing": "", "HTTP": "HTTP/1.1 200 OK\r\n\r\nhello", "overloaded": "\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			g := startGate(t, fmt.Sprintf("upstream: {protocol: fastcgi, servers: [{address: %q}]}", brokenFPM(t, said)))
			if name == "overloaded" {
				g.get(t, "/", "one").wantRefusal(t, http.StatusServiceUnavailable, "upstream_overloaded")
				return
			}
			g.get(t, "/", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
		})
	}
}
