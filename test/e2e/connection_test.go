package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func TestAClientThatWaitsFor100ContinueIsToldToGoOn(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	c := g.dial(t)
	c.ask(t, "POST", "/echo.php", "one", "Content-Length: 4", "Expect: 100-continue")
	if resp := c.head(t); resp.StatusCode != 100 {
		t.Fatalf("got %d", resp.StatusCode)
	}
	c.write(t, "body")
	if got := readEcho(t, c.answer(t)); got.Length != 4 {
		t.Errorf("PHP saw %+v", got)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	c := g.dial(t)
	const requests = 20
	c.write(t, strings.Repeat("GET /counter.php HTTP/1.1\r\nHost: h\r\nCookie: PHPSESSID=one\r\n\r\n", requests))
	for n := 1; n <= requests; n++ {
		if a := c.answer(t).want(t, 200); a.body != fmt.Sprintf("%d\n", n) {
			t.Fatalf("answer %d is %q", n, a.body)
		}
	}
}

func TestClientsThatSayNothingAreCutOff(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {read_header_timeout: 1s, idle_timeout: 1s}")
	idle := g.dial(t)
	idle.ask(t, "GET", "/trivial.php", "one")
	idle.answer(t).want(t, 200)
	silent, slow := g.dial(t), g.dial(t)
	slow.write(t, "GET / HTTP/1.1\r\nHost: h\r\nX-")
	silent.awaitClosed(t)
	slow.awaitClosed(t)
	idle.awaitClosed(t)
}

func TestAnHTTP10ClientGetsItsAnswer(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	for page, want := range map[string]string{"/counter.php": "1\n", "/until.php?first=1&until=/": "first\nlast\n"} {
		c := g.dial(t)
		c.write(t, "GET "+page+" HTTP/1.0\r\nCookie: PHPSESSID=one\r\n\r\n")
		if a := c.answer(t).want(t, 200); a.body != want {
			t.Errorf("%s: got %q", page, a.body)
		}
		c.awaitClosed(t)
	}
}

func TestTheSessionMayBeNamedByAHeaderOrByARule(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)), "session: {header: X-Session}", "rules: [{name: forum, match: {query: [{name: forum}]}, session: {cookie: FORUM}}]")
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "first"), "abc")
	j.await(t, "begin first")
	byHeader := request(t, "GET", j.page("slow", "header", "ms=0"), "", nil)
	byHeader.Header.Set("X-Session", "abc")
	second := g.send(byHeader)
	g.awaitMetric(t, "waiting", 1)
	forum := request(t, "GET", j.page("slow", "forum", "ms=0", "forum=1"), "other", nil)
	forum.Header.Set("Cookie", "PHPSESSID=other; FORUM=def")
	g.do(forum).want(t, 200) // another session: it does not wait
	end.lift(t)
	receive(t, first).want(t, 200)
	receive(t, second).want(t, 200)
}
