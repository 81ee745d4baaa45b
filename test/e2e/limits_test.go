package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// perKey has a limit by each key, of two requests, for a query argument of its
// own.
const perKey = `
server: {trusted_proxies: ["127.0.0.1/32"]}
rules:
  - {name: client, match: {query: [{name: by, value: client}]}, limits: [{key: client, rate: 1/h, burst: 2}]}
  - {name: session, match: {query: [{name: by, value: session}]}, limits: [{key: session, rate: 1/h, burst: 2}]}
  - {name: agent, match: {query: [{name: by, value: agent}]}, limits: [{key: user_agent, rate: 1/h, burst: 2}]}
  - {name: rule, match: {query: [{name: by, value: rule}]}, limits: [{key: rule, rate: 1/h, burst: 2}]}
  - {name: all, match: {query: [{name: by, value: all}]}, limits: [{key: all, rate: 1/h, burst: 2}]}
`

func TestALimitCountsByWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 2)), perKey)
	type visitor struct{ client, session, agent string }
	ask := func(by string, v visitor) answer {
		r := request(t, http.MethodGet, "/trivial.php?by="+by, v.session, nil)
		r.Header.Set("X-Forwarded-For", v.client)
		r.Header.Set("User-Agent", v.agent)
		return g.do(r)
	}
	one := visitor{"192.0.2.1", "one", "Browser/1"}
	for by, other := range map[string]struct {
		visitor visitor // differs in nothing else
		passes  bool
	}{
		"client":  {visitor{"192.0.2.2", "one", "Browser/1"}, true},
		"session": {visitor{"192.0.2.1", "two", "Browser/1"}, true},
		"agent":   {visitor{"192.0.2.1", "one", "Browser/2"}, true},
		"rule":    {visitor{"192.0.2.2", "two", "Browser/2"}, false},
		"all":     {visitor{"192.0.2.2", "two", "Browser/2"}, false},
	} {
		for range 2 {
			if a := ask(by, one).want(t, 200); !strings.HasPrefix(a.header.Get("RateLimit"), fmt.Sprintf("%q;r=", by+"/1")) {
				t.Errorf("by %s: passed with %v", by, a.header)
			}
		}
		a := ask(by, one).wantRefusal(t, 429, "rate_limited")
		if a.header.Get("RateLimit-Policy") != fmt.Sprintf("%q;q=2;w=7200", by+"/1") {
			t.Errorf("by %s: refused with %v", by, a.header)
		}
		if got := ask(by, other.visitor); got.status == 200 != other.passes {
			t.Errorf("by %s: another visitor got %d", by, got.status)
		}
	}
	g.awaitMetric(t, `limit_refused_total{enforced="true",limit="agent/1"}`, 1)
}

// The gate answers before it has read a byte of the body, and the answer arrives
// though the client goes on sending.
func TestALimitRefusesBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 2)), "limits: [{name: few, key: client, rate: 1/h, burst: 1}]")
	g.get(t, "/trivial.php", "one").want(t, 200)
	c := g.dial(t)
	c.ask(t, "POST", "/echo.php", "one", "Content-Length: 1000000")
	c.write(t, strings.Repeat("x", 1000))
	a := c.answer(t).wantRefusal(t, 429, "rate_limited")
	if !a.closes {
		t.Errorf("the connection would stay open: %v", a.header)
	}
	c.awaitClosed(t)
	waits := g.dial(t)
	waits.ask(t, "POST", "/echo.php", "one", "Content-Length: 1000000", "Expect: 100-continue")
	waits.answer(t).wantRefusal(t, 429, "rate_limited")
	g.awaitMetric(t, "uploading", 0)
	if line := g.accessLine(t, "/echo.php"); line["stage"] != "limit" || line["limit"] != "few" {
		t.Errorf("line: %v", line)
	}
}

func TestACapIsOnWhatIsInTheGate(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 4)), "concurrency: [{name: two, key: client, max: 2}]")
	j, end := newJournal(t), newBarrier(t)
	running := g.start(t, end.page(j, "a"), "one")
	j.await(t, "begin a")
	waiting := g.queue(t, j.page("journal", "b"), "one", 1)
	g.get(t, "/trivial.php", "").wantRefusal(t, 429, "concurrency_full")
	g.get(t, "/trivial.php", "two").wantRefusal(t, 429, "concurrency_full")
	end.lift(t)
	receive(t, running).want(t, 200)
	receive(t, waiting).want(t, 200)
	g.get(t, "/trivial.php", "two").want(t, 200)
	g.awaitMetric(t, `concurrency_refused_total{cap="two",enforced="true"}`, 2)
}

// Six clients hammer three gates: together they get what the limit lets through,
// which is a small part of what they ask for on the slowest machine.
func TestThreeGatesShareALimit(t *testing.T) {
	t.Parallel()
	const rate, burst = 20, 20
	server := redistest.Start(t)
	pool := startPHP(t, 4)
	gates := make([]*gate, 3)
	for i := range gates {
		gates[i] = startGate(t, inFrontOf(pool), "log: {access: false}", fmt.Sprintf(
			"{redis: {addresses: [%q], timeout: 2s}, limits: [{name: all, key: all, rate: %d/s, burst: %d, scope: shared}]}", server.Address(), rate, burst))
	}
	began := time.Now()
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for time.Since(began) < 2*time.Second {
				if a := gates[i%3].get(t, "/trivial.php", ""); a.err != nil || a.status != 200 && a.status != 429 {
					t.Errorf("got %d, %v", a.status, a.err)
				}
			}
		})
	}
	all.Wait()
	most := burst + rate*time.Since(began).Seconds()
	if got := sum(t, gates, `requests_total{code="200",rule=""}`); got > most+1 || got < most*0.7 {
		t.Errorf("%v requests passed three gates, want about %v", got, most)
	}
	if n := sum(t, gates, `limit_stand_in_total{limit="all"}`); n != 0 {
		t.Errorf("%v were counted by one gate alone", n)
	}
}

func TestWithoutRedisEachGateKeepsToTheLimit(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := startGate(t, inFrontOf(startPHP(t, 2)), fmt.Sprintf(
		"{redis: {addresses: [%q], timeout: 1s}, limits: [{name: few, key: session, rate: 1/h, burst: 3, scope: shared}]}", server.Address()))
	passed := func(session string) (n int) {
		for range 6 {
			a := g.get(t, "/trivial.php", session)
			if a.took > soon {
				t.Errorf("an answer after %v", a.took)
			}
			if a.status == 200 {
				n++
			} else {
				a.wantRefusal(t, 429, "rate_limited")
			}
		}
		return n
	}
	if n := passed("one"); n != 3 {
		t.Errorf("%d passed, want 3", n)
	}
	server.Kill()
	for _, session := range []string{"two", "three"} { // before it is known, and after
		if n := passed(session); n != 3 {
			t.Errorf("%d passed without Redis, want 3", n)
		}
	}
	g.awaitMetric(t, "degraded", 1)
	server.Restart()
	g.awaitMetric(t, "degraded", 0)
	if n := passed("four"); n != 3 {
		t.Errorf("%d passed, want 3", n)
	}
}
