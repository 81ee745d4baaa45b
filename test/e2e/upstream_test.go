package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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
			t.Parallel() // an answer of readiness counts for a second
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

// rawBackend serves each connection on a goroutine of its own and closes it.
func rawBackend(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	return l.Addr().String()
}

// brokenFPM answers each connection with these bytes and closes it.
func brokenFPM(t *testing.T, answer string) string {
	t.Helper()
	return rawBackend(t, func(c net.Conn) {
		c.Read(make([]byte, 16<<10))
		io.WriteString(c, answer)
	})
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

// A full queue at php-fpm's socket says that it is busy, not that it is down.
func TestABusyPHPIsReady(t *testing.T) {
	t.Parallel()
	pool := fpmtest.StartUnlocked(t, fpm.Options{Socket: fpmtest.Socket(t), Workers: 1, Backlog: 1})
	g := startGate(t, inFrontOf(pool), "upstream: {connect_timeout: 30s}")
	j, end := newJournal(t), newBarrier(t)
	var answers []<-chan answer
	for i := range 6 {
		answers = append(answers, g.start(t, end.page(j, fmt.Sprint(i)), fmt.Sprintf("s%d", i)))
	}
	path := strings.TrimPrefix(pool.Address(), "unix:")
	eventually(t, func() bool {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.EAGAIN)
	}, func() string { return "the socket's queue does not fill" })
	// An answer of readiness counts for a second: ask for longer.
	began := time.Now()
	eventually(t, func() bool {
		if status, body := g.adminPage(t, "/readyz"); status != http.StatusOK {
			t.Fatalf("readyz says %d %q", status, body)
		}
		return time.Since(began) > 1500*time.Millisecond
	}, func() string { return "time stands still" })
	end.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
}

func TestPHPThatDoesNotReadTheBodyAnswers(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	for range 5 {
		g.do(request(t, "POST", "/trivial.php", "one", bytes.NewReader(randomBytes(5_000_000)))).want(t, 200)
	}
	g.wantEmptySpool(t)
}
