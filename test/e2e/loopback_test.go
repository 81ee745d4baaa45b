package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// calling is the path of a page that calls another one through a gate.
func calling(j journal, id string, at *gate, target string, args ...string) string {
	args = append(args, "at="+url.QueryEscape(at.addr), "call="+url.QueryEscape(target))
	return j.page("loopback", id, args...)
}

// With the token the called page runs at once, sees what its caller has written,
// and its caller sees what it has.
func TestAPageCallsItsOwnSite(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)))
	j := newJournal(t)
	a := g.get(t, calling(j, "outer", g, j.page("counter", "inner", "ms=20"), "pass=1"), "one").want(t, 200)
	if a.body != "1\n200 2\n2\n" {
		t.Errorf("got %q", a.body)
	}
	if got := fmt.Sprint(j.words(t)); got != "[begin outer begin inner end inner end outer]" {
		t.Errorf("journal %s", got)
	}
	g.awaitMetric(t, `loopback_total{by="header"}`, 1)
	line := g.accessLine(t, "/counter.php")
	if line["loopback"] != "header" || line["depth"] != 1.0 {
		t.Errorf("the access line is %v", line)
	}
}

func TestWithoutItsTokenAPageThatCallsItsOwnSiteWaitsForItself(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)), "lock: {wait_timeout: 300ms}")
	j := newJournal(t)
	a := g.get(t, calling(j, "outer", g, j.page("counter", "inner")), "one").want(t, 200)
	if !strings.HasPrefix(a.body, "1\n429 429 Too Many Requests") || !strings.HasSuffix(a.body, "\n1\n") || a.took.Milliseconds() < 300 {
		t.Errorf("after %v: %q", a.took, a.body)
	}
	if j.has(t, "begin inner") {
		t.Error("the called page has run")
	}
}

func TestABackendsAddressServesForAToken(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)), "server: {loopback_from: ['127.0.0.0/8']}")
	j := newJournal(t)
	a := g.get(t, calling(j, "outer", g, j.page("counter", "inner")), "one").want(t, 200)
	if a.body != "1\n200 2\n2\n" {
		t.Errorf("got %q", a.body)
	}
	g.awaitMetric(t, `loopback_total{by="address"}`, 1)
}

// Three levels and one slot: each has the reserve of its own.
func TestAPageThatCallsItsOwnSiteKeepsItsSlotMeanwhile(t *testing.T) {
	pool := startPHP(t, 4)
	g := startGate(t, inFrontOf(pool), fmt.Sprintf("upstream: {servers: [{address: %q, max_in_flight: 1}]}", pool.Address()))
	j := newJournal(t)
	target := calling(j, "middle", g, j.page("counter", "inner"), "pass=1")
	a := g.get(t, calling(j, "outer", g, target, "pass=1"), "one").want(t, 200)
	if a.body != "1\n200 2\n200 3\n3\n3\n" {
		t.Errorf("got %q", a.body)
	}
	if n := j.mostAtOnce(t, func(string) bool { return true }); n != 3 {
		t.Errorf("%d pages ran at once, want the three that wait for each other", n)
	}
}

// Four at once: no update of the session is lost.
func TestCallsAtOnceRunOneAfterAnother(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 6)))
	j := newJournal(t)
	a := g.get(t, calling(j, "outer", g, j.page("counter", "inner", "ms=20"), "pass=1", "times=4"), "one").want(t, 200)
	for n := 2; n <= 5; n++ {
		if !strings.Contains(a.body, fmt.Sprintf("\n200 %d\n", n)) {
			t.Errorf("no call got %d: %q", n, a.body)
		}
	}
	if !strings.HasSuffix(a.body, "\n5\n") {
		t.Errorf("got %q", a.body)
	}
	if n := j.mostAtOnce(t, func(id string) bool { return id == "inner" }); n != 1 {
		t.Errorf("%d calls ran at once", n)
	}
}

// The page does not wait for what it has called: others do.
func TestTheTurnIsKeptForACallThatOutlivesItsCaller(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)))
	j, end := newJournal(t), newBarrier(t)
	inner := end.page(j, "inner")
	// The caller ends when the call has begun, and not before: else it is an ordinary request.
	outer := g.start(t, calling(j, "outer", g, inner, "pass=1", "wait=0", "until="+url.QueryEscape(string(j)+"-begun")), "one")
	j.await(t, "begin inner")
	if err := os.WriteFile(string(j)+"-begun", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	receive(t, outer).want(t, 200)
	next := g.queue(t, j.page("slow", "next", "ms=0"), "one", 1)
	if j.has(t, "begin next") {
		t.Errorf("the next ran beside the call: %q", j.words(t))
	}
	end.lift(t)
	receive(t, next).want(t, 200)
	if got := fmt.Sprint(j.words(t)); got != "[begin outer begin inner end outer end inner begin next end next]" {
		t.Errorf("journal %s", got)
	}
}

func TestAPageThatCallsItselfIsStopped(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 8)))
	j := newJournal(t)
	// Each calls the next, of which there are more than may be.
	target := j.page("counter", "never")
	for depth := 5; depth >= 1; depth-- {
		target = calling(j, fmt.Sprint(depth), g, target, "pass=1")
	}
	a := g.get(t, target, "one").want(t, 200)
	if !strings.Contains(a.body, "508 508 Loop Detected") || j.has(t, "begin 5") || !j.has(t, "begin 4") {
		t.Errorf("got %q, journal %q", a.body, j.words(t))
	}
	g.awaitMetric(t, `refused_total{reason="loopback_depth"}`, 1)
}

func TestATokenThatAClientKeepsIsOfNoUseWhenItsPageHasEnded(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)))
	stolen := tokenOf(t, g)
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	req := request(t, http.MethodGet, j.page("slow", "second", "ms=0"), "one", nil)
	req.Header.Set("X-Sessiongate-Loopback", stolen)
	second := g.send(req)
	g.awaitMetric(t, "waiting", 1)
	end.lift(t)
	receive(t, first).want(t, 200)
	receive(t, second).want(t, 200)
	if n := j.mostAtOnce(t, func(string) bool { return true }); n != 1 {
		t.Errorf("%d pages of the session ran at once", n)
	}
	g.awaitMetric(t, `loopback_unused_total{reason="over"}`, 1)
}

// tokenOf is the token that a page of the session "one" was given.
func tokenOf(t *testing.T, g *gate) string {
	t.Helper()
	const name = `"HTTP_X_SESSIONGATE_LOOPBACK":"`
	body := g.get(t, "/env.php", "one").want(t, 200).body
	_, rest, found := strings.Cut(body, name)
	token, _, _ := strings.Cut(rest, `"`)
	if !found || token == "" {
		t.Fatalf("PHP has no token: %s", body)
	}
	return token
}

// The call reaches another gate than the page's own. With a common secret that
// one lets it pass; without one it waits for the lease that its caller has.
func TestAPageCallsItsOwnSiteThroughAnotherGate(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(secret, []byte(strings.Repeat("k", 64)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("common secret", func(t *testing.T) {
		gates := startGates(t, 6, fmt.Sprintf("session: {key_file: %q}", secret))
		j := newJournal(t)
		back := calling(j, "there", gates[0], j.page("counter", "back"), "pass=1")
		a := gates[0].get(t, calling(j, "outer", gates[1], back, "pass=1"), "one").want(t, 200)
		if a.body != "1\n200 2\n200 3\n3\n3\n" {
			t.Errorf("got %q", a.body)
		}
		for i := range 2 { // there and back
			gates[i].awaitMetric(t, `loopback_total{by="other_gate"}`, 1)
		}
		if n := sum(t, gates, "lease_lost_total"); n != 0 {
			t.Errorf("lease_lost_total is %v", n)
		}
		gates[2].get(t, j.page("counter", "next"), "one").want(t, 200)
	})
	t.Run("no secret", func(t *testing.T) {
		server := redistest.Start(t)
		shared := []string{inFrontOf(startSharedPHP(t, 4, server)), sharing(server), "lock: {wait_timeout: 1s}"}
		gates := []*gate{startGate(t, shared...), startGate(t, shared...)}
		awaitDegraded(t, gates, 0)
		j := newJournal(t)
		a := gates[0].get(t, calling(j, "outer", gates[1], j.page("counter", "inner"), "pass=1"), "one").want(t, 200)
		if !strings.HasPrefix(a.body, "1\n429 ") {
			t.Errorf("got %q", a.body)
		}
		gates[1].awaitMetric(t, `loopback_unused_total{reason="invalid"}`, 1)
	})
}
