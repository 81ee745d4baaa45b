package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestConnectionsBeyondTheBoundWait(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {max_connections: 2}")
	first, second, third := g.dial(t), g.dial(t), g.dial(t)
	for _, c := range []*conn{first, second} {
		c.ask(t, "GET", "/trivial.php", "one")
		c.answer(t).want(t, 200)
	}
	g.awaitMetric(t, "connections_bound_total", 1)
	third.ask(t, "GET", "/trivial.php", "one")
	if n := g.metric(t, "connections"); n != 2 {
		t.Errorf("%v connections are open, want 2", n)
	}
	first.Close()
	third.answer(t).want(t, 200)
	if !strings.Contains(g.log.String(), "as many connections are open as server.max_connections allows") {
		t.Errorf("nothing in the log: %s", g.log)
	}
}

// Over HTTP/2 one connection is as good as many.
func TestStreamsCountAsConnections(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 4)), "server: {max_connections: 3}")
	j, end := newJournal(t), newBarrier(t)
	c := g.dialFrames(t, 0)
	for _, session := range []string{"a", "b", "c"} {
		c.ask(t, true, "GET", end.page(j, session), "cookie", "PHPSESSID="+session)
		j.await(t, "begin "+session)
	}
	c.await(t, c.ask(t, true, "GET", "/trivial.php"), false).wantRefusal(t, "503", "streams_full")
	h1 := g.dialTLS(t)
	h1.ask(t, "GET", "/trivial.php", "one")
	h1.answer(t).want(t, http.StatusOK)
	end.lift(t)
	c.await(t, 5, false).want(t, "200")
	g.awaitMetric(t, "in_flight", 0)
	c.await(t, c.ask(t, true, "GET", "/trivial.php"), false).want(t, "200")
}

func TestARequestHasOneNameOnItsWholeWay(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {trusted_proxies: ['127.0.0.0/8']}", "rules: [{name: no, match: {path: [/no]}, action: reject}]")
	c := g.dial(t)
	c.ask(t, "GET", "/env.php", "one", "X-Request-Id: given.by-a:proxy")
	a := c.answer(t).want(t, 200)
	wantEnvironment(t, environment(t, a), map[string]any{"HTTP_X_REQUEST_ID": "given.by-a:proxy"})
	if got := a.header.Get("X-Request-Id"); got != "given.by-a:proxy" || g.accessLine(t, "/env.php")["request_id"] != got {
		t.Errorf("answer %q, access line %v", got, g.accessLine(t, "/env.php"))
	}
	a = g.get(t, "/no", "one").wantRefusal(t, 403, "rule")
	if got := a.header.Get("X-Request-Id"); len(got) != 32 || g.accessLine(t, "/no")["request_id"] != got {
		t.Errorf("answer %q, access line %v", got, g.accessLine(t, "/no"))
	}
}

func TestForwardedOfATrustedProxyIsBelieved(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {trusted_proxies: ['127.0.0.0/8']}")
	c := g.dial(t)
	c.ask(t, "GET", "/env.php", "one", `Forwarded: for=6.6.6.6, for="[2001:db8::7]:4711";proto=https;host=shop.example`)
	wantEnvironment(t, environment(t, c.answer(t)), map[string]any{
		"REMOTE_ADDR": "2001:db8::7", "REMOTE_PORT": "4711", "HTTPS": "on", "HTTP_X_FORWARDED_FOR": "2001:db8::7, 127.0.0.1",
		"HTTP_X_FORWARDED_HOST": "shop.example", "HTTP_FORWARDED": `for="[2001:db8::7]";host=shop.example;proto=https`,
	})
}
