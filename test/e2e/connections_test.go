package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestConnectionsBeyondTheBoundWait(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 3)), "server: {max_connections: 2}")
	j, end := newJournal(t), newBarrier(t)
	first, second, third := g.dial(t), g.dial(t), g.dial(t)
	for session, c := range map[string]*conn{"a": first, "b": second} {
		c.ask(t, "GET", end.page(j, session), session)
		j.await(t, "begin "+session)
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
	end.lift(t)
	second.answer(t).want(t, 200)
}

// A crowd that connects and then does nothing shuts nobody out.
func TestIdleConnectionsGiveWay(t *testing.T) {
	for protocol, start := range map[string]func(*testing.T, ...string) *gate{"plain": startGate, "TLS": startTLSGate} {
		t.Run(protocol, func(t *testing.T) {
			const limit = 20
			g := start(t, inFrontOf(startPHP(t, 2)), "server: {max_connections: 20}")
			dial := g.dial
			if protocol == "TLS" {
				dial = func(t *testing.T) *conn { return g.dialTLS(t) }
			}
			var crowd []*conn
			for range 2 * limit {
				c := dial(t)
				c.ask(t, "GET", "/trivial.php", "one")
				c.answer(t).want(t, 200)
				crowd = append(crowd, c)
			}
			if n := g.metric(t, "connections"); n > limit {
				t.Errorf("%v connections are open", n)
			}
			if n := g.metric(t, `connections_shed_total{state="idle"}`); n < limit {
				t.Errorf("connections_shed_total is %v, want at least %d", n, limit)
			}
			crowd[0].awaitClosed(t)
			last := crowd[len(crowd)-1]
			last.ask(t, "GET", "/trivial.php", "one")
			last.answer(t).want(t, 200)
		})
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
		"REMOTE_ADDR": "2001:db8::7", "REMOTE_PORT": "4711", "HTTPS": "on", "HTTP_X_FORWARDED_FOR": "2001:db8::7",
		"HTTP_X_FORWARDED_HOST": "shop.example", "HTTP_FORWARDED": `for="[2001:db8::7]";host=shop.example;proto=https`,
	})
}

// Nor does a crowd that sends nothing, or half of what there is to send.
func TestConnectionsWithoutARequestGiveWay(t *testing.T) {
	plain := (*gate).dial
	encrypted := func(g *gate, t *testing.T) *conn { return g.dialTLS(t) }
	for name, c := range map[string]struct {
		start func(*testing.T, ...string) *gate
		dial  func(*gate, *testing.T) *conn
		sends string
	}{
		"nothing":          {startGate, plain, ""},
		"half a header":    {startGate, plain, "GET / HTTP/1.1\r\nHost: gate.test\r\n"},
		"half a handshake": {startTLSGate, encrypted, "\x16\x03\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const limit = 10
			g := c.start(t, inFrontOf(startPHP(t, 2)), "server: {max_connections: 10}")
			for range limit {
				g.dial(t).write(t, c.sends)
			}
			g.awaitMetric(t, "connections", limit)
			visitor := c.dial(g, t)
			visitor.ask(t, "GET", "/trivial.php", "one")
			visitor.answer(t).want(t, 200)
			if n := g.metric(t, `connections_shed_total{state="new"}`); n != 1 {
				t.Errorf("%v connections gave way, want one", n)
			}
			if !strings.Contains(g.log.String(), `"peer":"127.0.0.1","connections":10`) {
				t.Errorf("the log does not say whose connections they are: %s", g.log)
			}
		})
	}
}
