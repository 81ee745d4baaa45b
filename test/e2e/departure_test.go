package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// overTCPAndUnix runs a test with a gate on either kind of listener; parts are
// further ones of its configuration.
func overTCPAndUnix(t *testing.T, test func(t *testing.T, g *gate), parts ...string) {
	t.Helper()
	pool := startPHP(t, 6)
	t.Run("tcp", func(t *testing.T) { test(t, startGate(t, append(parts, inFrontOf(pool))...)) })
	t.Run("unix", func(t *testing.T) {
		socket := filepath.Join(filepath.Dir(fpmtest.Socket(t)), "gate.sock")
		test(t, startGate(t, append(parts, inFrontOf(pool), fmt.Sprintf("server: {listen: 'unix:%s'}", socket))...))
	})
}

func TestAClientThatLeavesWhileWaitingNeverReachesPHP(t *testing.T) {
	overTCPAndUnix(t, func(t *testing.T, g *gate) {
		j, end := newJournal(t), newBarrier(t)
		first := g.start(t, end.page(j, "first"), "one")
		j.await(t, "begin first")
		req, leave := vanish(t, request(t, "GET", j.page("slow", "gone", "ms=0"), "one", nil))
		gone := g.send(req)
		g.awaitMetric(t, "waiting", 1)
		leave()
		g.awaitMetric(t, "waiting", 0)
		receive(t, gone)
		end.lift(t)
		receive(t, first).want(t, 200)
		g.get(t, j.page("slow", "last", "ms=0"), "one").want(t, 200)
		if j.has(t, "begin gone") {
			t.Errorf("the client that left was served: %q", j.words(t))
		}
		g.awaitMetric(t, `client_gone_total{stage="wait"}`, 1)
	})
}

func TestADepartureHiddenByAPipelinedByteIsNoticedWhenTheTurnComes(t *testing.T) {
	overTCPAndUnix(t, func(t *testing.T, g *gate) {
		for _, tc := range []struct {
			name  string
			leave func(t *testing.T, c *conn)
		}{
			{"closed", func(_ *testing.T, c *conn) { c.Close() }},
			{"half closed", func(t *testing.T, c *conn) { c.halfClose(t) }},
		} {
			t.Run(tc.name, func(t *testing.T) {
				j, end := newJournal(t), newBarrier(t)
				before := g.metric(t, `client_gone_total{stage="wait"}`)
				first := g.start(t, end.page(j, "first"), "one")
				j.await(t, "begin first")
				c := g.dial(t)
				c.ask(t, "GET", j.page("slow", "gone", "ms=0"), "one")
				c.write(t, "G")
				g.awaitMetric(t, "waiting", 1)
				tc.leave(t, c)
				end.lift(t)
				receive(t, first).want(t, 200)
				g.awaitMetric(t, `client_gone_total{stage="wait"}`, before+1)
				g.get(t, j.page("slow", "last", "ms=0"), "one").want(t, 200)
				if j.has(t, "begin gone") {
					t.Errorf("the client that left was served: %q", j.words(t))
				}
			})
		}
	})
}

// As PHP programs start something beside them: fsockopen, fwrite, fclose.
func TestAClientThatSendsAndLeavesIsServedWhereToldTo(t *testing.T) {
	overTCPAndUnix(t, func(t *testing.T, g *gate) {
		j, end := newJournal(t), newBarrier(t)
		first := g.start(t, end.page(j, "first"), "one")
		j.await(t, "begin first")
		for _, session := range []string{"one", "two", ""} {
			c := g.dial(t)
			c.ask(t, http.MethodPost, j.page("slow", "sent"+session, "ms=0&run=1"), session, "Content-Length: 1")
			c.write(t, "b")
			c.Close()
		}
		j.await(t, "end senttwo")
		j.await(t, "end sent")
		if j.has(t, "begin sentone") {
			t.Errorf("it did not wait for its turn: %q", j.words(t))
		}
		end.lift(t)
		receive(t, first).want(t, 200)
		j.await(t, "end sentone")
	}, `rules: [{name: started, match: {query: [{name: run}]}, on_client_gone: run}]`)
}

func TestAClientThatLeavesWhilePHPRunsKeepsTheTurnUntilPHPHasEnded(t *testing.T) {
	overTCPAndUnix(t, func(t *testing.T, g *gate) {
		j, end := newJournal(t), newBarrier(t)
		req, leave := vanish(t, request(t, "GET", end.page(j, "gone"), "one", nil))
		gone := g.send(req)
		j.await(t, "begin gone")
		next := g.queue(t, j.page("slow", "next", "ms=0"), "one", 1)
		leave()
		receive(t, gone)
		// The gate has noticed when a later request of the client's connection
		// pool is served; the one that waits is still not let in.
		g.get(t, "/trivial.php", "").want(t, 200)
		if n := g.metric(t, "waiting"); n != 1 {
			t.Errorf("%v requests wait while PHP runs, want 1", n)
		}
		end.lift(t)
		receive(t, next).want(t, 200)
		want := []string{"begin gone", "end gone", "begin next", "end next"}
		if got := j.words(t); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("journal %q, want %q", got, want)
		}
		g.awaitMetric(t, `client_gone_total{stage="forward"}`, 1)
		g.awaitMetric(t, `requests_total{code="499",rule=""}`, 1)
	})
}

// A client that closes its sending half and reads on is taken for gone, as
// net/http takes it. It must not be told that all went well.
func TestAClientTakenForGoneGetsNoAnswer(t *testing.T) {
	for _, tc := range []struct {
		name  string
		stage string
		lines []string
		body  string
	}{
		{name: "while waiting", stage: "wait"},
		{name: "in the middle of its body", stage: "spool", lines: []string{"Content-Length: 10"}, body: "half"},
		{name: "in the middle of its chunked body", stage: "spool", lines: []string{"Transfer-Encoding: chunked"}, body: "4\r\nhalf\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := startGate(t, inFrontOf(startPHP(t, 2)))
			j, end := newJournal(t), newBarrier(t)
			first := g.start(t, end.page(j, "first"), "one")
			j.await(t, "begin first")
			c := g.dial(t)
			c.ask(t, http.MethodPost, j.page("slow", "gone", "ms=0"), "one", tc.lines...)
			c.write(t, tc.body)
			if tc.stage == "wait" {
				g.awaitMetric(t, "waiting", 1)
			}
			c.halfClose(t)
			if got := c.awaitClosed(t); got != "" {
				t.Errorf("it got %q", got)
			}
			end.lift(t)
			receive(t, first).want(t, 200)
			g.awaitMetric(t, fmt.Sprintf("client_gone_total{stage=%q}", tc.stage), 1)
		})
	}
}

func TestAHalfClosedClientNeverGetsAShortAnswerAsAWholeOne(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	j, end := newJournal(t), newBarrier(t)
	c := g.dial(t)
	c.ask(t, http.MethodGet, end.page(j, "a", "first=1"), "one")
	resp := c.head(t)
	line := make([]byte, len("first\n"))
	if _, err := resp.Body.Read(line); err != nil || string(line) != "first\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	c.halfClose(t)
	a := make([]byte, 64)
	n, err := resp.Body.Read(a)
	for err == nil && n == 0 {
		n, err = resp.Body.Read(a)
	}
	// The gate either goes on, which it cannot before the page does, or cuts.
	if err == nil || err.Error() != "unexpected EOF" {
		t.Errorf("after the client closed its half: %q, %v; want the connection cut", a[:n], err)
	}
	end.lift(t)
	g.awaitMetric(t, `client_gone_total{stage="relay"}`, 1)
	j.await(t, "end a")
}
