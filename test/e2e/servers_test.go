package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// inFrontOfServers is the configuration of a gate before several servers.
func inFrontOfServers(protocol string, addresses ...string) string {
	list := make([]string, len(addresses))
	for i, a := range addresses {
		list[i] = fmt.Sprintf("{address: %q}", a)
	}
	return fmt.Sprintf("upstream: {protocol: %s, servers: [%s]}", protocol, strings.Join(list, ", "))
}

// healthOf is the name of a server's gauge.
func healthOf(address string) string {
	return fmt.Sprintf("server_healthy{server=%q,upstream=\"php\"}", address)
}

// quickChecks has servers looked at often.
const quickChecks = "upstream: {health: {interval: 100ms, fall: 3, rise: 2}}"

func (g *gate) wantLogged(t *testing.T, message string, times int) {
	t.Helper()
	if n := strings.Count(g.log.String(), message); n != times {
		t.Errorf("%q was logged %d times, want %d", message, n, times)
	}
}

func TestRequestsGoToTheOtherPoolWhileOneIsDown(t *testing.T) {
	t.Parallel()
	pages := fpmtest.Pages(t)
	pools := []*fpm.Pool{fpmtest.StartUnlocked(t, fpm.Options{Root: pages}), fpmtest.StartUnlocked(t, fpm.Options{Root: pages, Socket: fpmtest.Socket(t)})}
	g := startGate(t, inFrontOfServers("fastcgi", pools[0].Address(), pools[1].Address()),
		fmt.Sprintf("upstream: {root: %q, local_root: %q, script: path}", pages, pages),
		"upstream: {health: {interval: 1s, fall: 3, rise: 1}}") // requests come first to find a server down
	for i, pool := range pools {
		j := newJournal(t)
		pool.Kill()
		for n := range 10 {
			g.do(request(t, []string{"GET", "POST"}[n%2], j.page("slow", fmt.Sprint(n), "ms=0"), "one", strings.NewReader("body"))).want(t, 200)
		}
		if words := j.words(t); len(words) != 20 {
			t.Errorf("10 requests were sent, the pages wrote %q", words)
		}
		g.awaitMetric(t, healthOf(pool.Address()), 0)
		if err := pool.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.awaitMetric(t, healthOf(pool.Address()), 1)
		g.wantLogged(t, "server is out", i+1)
		g.wantLogged(t, "server is in again", i+1)
	}
	if n := g.metric(t, `upstream_errors_total{kind="connect",upstream="php"}`); n != 0 {
		t.Errorf("%v requests failed", n)
	}
	if n := g.metric(t, `next_server_total{upstream="php"}`); n < 6 {
		t.Errorf("%v requests went to the next server, want those that took the two servers out", n)
	}
}

func TestPHPFPMsOwnPingTellsAWellPoolFromAnother(t *testing.T) {
	pages := fpmtest.Pages(t)
	well, other := fpmtest.StartUnlocked(t, fpm.Options{Root: pages, PingPath: "/fpm-ping"}), fpmtest.StartUnlocked(t, fpm.Options{Root: pages})
	g := startGate(t, inFrontOfServers("fastcgi", well.Address(), other.Address()),
		fmt.Sprintf("upstream: {root: %q, local_root: %q, script: path}", pages, pages), quickChecks, "upstream: {health: {path: /fpm-ping}}")
	g.awaitMetric(t, healthOf(other.Address()), 0)
	g.get(t, "/trivial.php", "one").want(t, 200)
	if n := g.metric(t, healthOf(well.Address())); n != 1 {
		t.Errorf("the pool that answers its ping: healthy %v", n)
	}
	if !strings.Contains(g.log.String(), "/fpm-ping: status 40") {
		t.Errorf("the log does not say why:\n%s", g.log)
	}
}

// twoHTTP runs two servers that say their name, and are well as long as ok says.
func twoHTTP(t *testing.T, parts ...string) (*gate, [2]*httptest.Server, *[2]atomic.Bool) {
	t.Helper()
	var servers [2]*httptest.Server
	ok := new([2]atomic.Bool)
	for i := range servers {
		ok[i].Store(true)
		servers[i] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/health" && !ok[i].Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			fmt.Fprint(w, i)
		}))
		t.Cleanup(servers[i].Close)
	}
	parts = append([]string{inFrontOfServers("http", servers[0].Listener.Addr().String(), servers[1].Listener.Addr().String()), quickChecks}, parts...)
	return startGate(t, parts...), servers, ok
}

func TestAServerThatFailsItsCheckGetsNothingAndBothLeaveTheGateUnready(t *testing.T) {
	t.Parallel()
	g, servers, ok := twoHTTP(t, "upstream: {balance: round_robin, health: {path: /health}}")
	address := func(i int) string { return servers[i].Listener.Addr().String() }
	g.awaitReady(t, http.StatusOK)
	ok[0].Store(false)
	g.awaitMetric(t, healthOf(address(0)), 0)
	for range 10 {
		if a := g.get(t, "/", "").want(t, 200); a.body != "1" {
			t.Fatalf("server %s answered, which is out", a.body)
		}
	}
	g.awaitReady(t, http.StatusOK)
	ok[1].Store(false)
	reasons := g.awaitReady(t, http.StatusServiceUnavailable)
	for i := range servers {
		if want := fmt.Sprintf("upstream php: server %s is out: GET /health: status 503, want 200 to 399", address(i)); !strings.Contains(reasons, want) {
			t.Errorf("readyz says %q, want %q", reasons, want)
		}
	}
	g.get(t, "/", "").want(t, 200) // when all are out all are used
	ok[0].Store(true)
	g.awaitReady(t, http.StatusOK)
}

func TestASessionStaysOnItsHTTPServer(t *testing.T) {
	g, servers, _ := twoHTTP(t, "upstream: {balance: session}")
	at := map[string]string{}
	for i := range 40 {
		session := fmt.Sprintf("session%d", i)
		at[session] = g.get(t, "/", session).want(t, 200).body
		if again := g.get(t, "/x", session).want(t, 200).body; again != at[session] {
			t.Errorf("%s: first at server %s, then at %s", session, at[session], again)
		}
	}
	servers[0].Close()
	moved := 0
	for session, before := range at {
		if now := g.get(t, "/", session).want(t, 200).body; now != "1" {
			t.Errorf("%s is at server %s, which is gone", session, now)
		} else if before == "0" {
			moved++
		}
	}
	if moved == 0 || moved == len(at) {
		t.Errorf("%d of %d sessions were on the first server", moved, len(at))
	}
}

func TestARequestIsInFlightUntilItsServerHasEnded(t *testing.T) {
	pool := startPHP(t, 2)
	g := startGate(t, inFrontOf(pool))
	gauge := fmt.Sprintf("server_in_flight{server=%q,upstream=\"php\"}", pool.Address())
	j, end := newJournal(t), newBarrier(t)
	c := g.dial(t)
	c.ask(t, "GET", end.page(j, "a"), "one")
	j.await(t, "begin a")
	c.Close()
	g.awaitMetric(t, `client_gone_total{stage="forward"}`, 1)
	if n := g.metric(t, gauge); n != 1 {
		t.Errorf("%v in flight while PHP runs", n)
	}
	end.lift(t)
	g.awaitMetric(t, gauge, 0)
}

// The server closes the connection that the gate keeps, again and again.
func TestAServerThatClosesKeptConnectionsFailsNoRequest(t *testing.T) {
	var came atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came.Add(1)
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(s.Close)
	g := startGate(t, inFrontOfServers("http", s.Listener.Addr().String()))
	for i := range 100 {
		g.get(t, "/", "one").want(t, 200)
		s.CloseClientConnections() // waits until they are closed
		if a := g.do(request(t, "POST", "/", "one", strings.NewReader(fmt.Sprint(i)))).want(t, 200); a.body != fmt.Sprint(i) {
			t.Fatalf("got %q", a.body)
		}
	}
	if n := came.Load(); n != 200 {
		t.Errorf("%d requests came, 200 were sent", n)
	}
}
