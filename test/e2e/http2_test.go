package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

const cookie = "PHPSESSID=one"

func TestAStreamThatIsResetWhileItWaitsLosesItsTicketAtOnce(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	j, end := newJournal(t), newBarrier(t)
	c := g.dialFrames(t, 0)
	first := c.ask(t, true, "GET", end.page(j, "first"), "cookie", cookie)
	j.await(t, "begin first")
	gone := c.ask(t, true, "GET", j.page("slow", "gone", "ms=0"), "cookie", cookie)
	g.awaitMetric(t, "waiting", 1)
	c.reset(t, gone)
	g.awaitMetric(t, "waiting", 0)
	g.awaitMetric(t, `client_gone_total{stage="wait"}`, 1)
	other := c.ask(t, true, "GET", "/trivial.php", "cookie", "PHPSESSID=two")
	c.await(t, other, false).want(t, "200") // the connection goes on
	end.lift(t)
	c.await(t, first, false).want(t, "200")
	if j.has(t, "begin gone") {
		t.Error("the stream that was reset was served")
	}
}

func TestAStreamThatIsResetWhilePHPRunsKeepsTheTurn(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	j, end := newJournal(t), newBarrier(t)
	c := g.dialFrames(t, 0)
	gone := c.ask(t, true, "GET", end.page(j, "gone"), "cookie", cookie)
	j.await(t, "begin gone")
	next := c.ask(t, true, "GET", j.page("slow", "next", "ms=0"), "cookie", cookie)
	g.awaitMetric(t, "waiting", 1)
	c.reset(t, gone)
	g.awaitMetric(t, `client_gone_total{stage="forward"}`, 1)
	if n := g.metric(t, "waiting"); n != 1 {
		t.Errorf("%v requests wait while PHP runs, want 1", n)
	}
	end.lift(t)
	c.await(t, next, false).want(t, "200")
	if got := fmt.Sprint(j.words(t)); got != "[begin gone end gone begin next end next]" {
		t.Errorf("journal %s", got)
	}
}

// All streams of a connection that is lost are gone, and none of them was a bad
// upload.
func TestAConnectionThatIsLostTakesItsStreamsAlong(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	j, end := newJournal(t), newBarrier(t)
	first := g.send(overTLS(request(t, "GET", end.page(j, "first"), "one", nil)))
	j.await(t, "begin first")
	const each = 20
	c := g.dialFrames(t, 0)
	for range each {
		c.ask(t, true, "GET", j.page("slow", "gone", "ms=0"), "cookie", cookie)
		upload := c.ask(t, false, "POST", "/echo.php", "content-length", "10")
		if err := c.WriteData(upload, false, []byte("half")); err != nil {
			t.Fatal(err)
		}
	}
	g.awaitMetric(t, "waiting", each)
	g.awaitMetric(t, "uploading", each)
	c.conn.Close()
	g.awaitMetric(t, "waiting", 0)
	g.awaitMetric(t, "uploading", 0)
	g.awaitMetric(t, `client_gone_total{stage="wait"}`, each)
	g.awaitMetric(t, `client_gone_total{stage="spool"}`, each)
	end.lift(t)
	receive(t, first).want(t, 200)
	if n := g.metric(t, `refused_total{reason="upload_broken"}`); n != 0 || j.has(t, "begin gone") {
		t.Errorf("%v uploads count as broken; journal %q", n, j.words(t))
	}
}

// The answer comes whole while the body is still on its way, and neither takes
// other streams of the connection along.
func TestARefusalWithAnUnreadBodyLeavesTheConnection(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)), "rules: [{name: no, match: {path: [/no]}, action: reject}]")
	j, end := newJournal(t), newBarrier(t)
	c := g.dialFrames(t, 0)
	first := c.ask(t, true, "GET", end.page(j, "first"), "cookie", cookie)
	j.await(t, "begin first")
	refused := c.ask(t, false, "POST", "/no")
	if err := c.WriteData(refused, false, []byte(strings.Repeat("x", 10<<10))); err != nil {
		t.Fatal(err)
	}
	e := c.await(t, refused, true)
	e.wantRefusal(t, "403", "rule")
	if *e.reset != http2.ErrCodeNo || e.goAway != nil {
		t.Errorf("the stream ended with %v, the connection with %v", e.reset, e.goAway)
	}
	if err := c.WriteData(refused, true, []byte("the rest")); err != nil { // it may come late
		t.Fatal(err)
	}
	end.lift(t)
	if e := c.await(t, first, false).want(t, "200"); e.goAway != nil {
		t.Errorf("the connection ended with %v", *e.goAway)
	}
}

func TestACutAnswerIsAResetStream(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	c := g.dialFrames(t, 0)
	cut := c.ask(t, true, "GET", "/abort.php", "cookie", cookie)
	if e := c.await(t, cut, true); e.whole || e.reset == nil || *e.reset != http2.ErrCodeInternal {
		t.Errorf("got %+v, want a reset", e)
	}
	c.await(t, c.ask(t, true, "GET", "/trivial.php", "cookie", cookie), false).want(t, "200")
}

func TestAnUploadThatStandsStillIsRefused(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)), "server: {body_idle_timeout: 300ms}")
	c := g.dialFrames(t, 0)
	slow := c.ask(t, false, "POST", "/echo.php", "content-length", "10", "cookie", cookie)
	if err := c.WriteData(slow, false, []byte("half")); err != nil {
		t.Fatal(err)
	}
	c.await(t, slow, false).wantRefusal(t, "408", "upload_slow")
	c.await(t, c.ask(t, true, "GET", "/trivial.php", "cookie", cookie), false).want(t, "200")
	long := c.ask(t, false, "POST", "/echo.php", "content-length", "2", "cookie", cookie)
	if err := c.WriteData(long, true, []byte("too long")); err != nil {
		t.Fatal(err)
	}
	if e := c.await(t, long, true); e.status == "200" {
		t.Errorf("a body longer than declared: %+v", e)
	}
}

// A stream that is not read is ended alone; where nothing of the connection is
// read, the whole connection is.
func TestAReaderThatStandsStillIsGivenUp(t *testing.T) {
	t.Parallel()
	// Long enough that a machine that stands still lets nobody be given up before the
	// kernel takes nothing more.
	g := startTLSGate(t, inFrontOf(startPHP(t, 3)), "server: {write_idle_timeout: 1500ms}")
	c := g.dialFrames(t, 100)
	still := c.ask(t, true, "GET", "/big.php?mb=1", "cookie", cookie)
	if e := c.await(t, still, true); e.whole || e.reset == nil || len(e.body) != 100 {
		t.Errorf("got %d bytes, %v, want 100 and a reset", len(e.body), e.reset)
	}
	g.awaitMetric(t, `client_gone_total{stage="relay"}`, 1)
	c.await(t, c.ask(t, true, "GET", "/trivial.php", "cookie", cookie), false).want(t, "200")

	deaf := g.dialFrames(t, 1<<30)
	if err := deaf.WriteWindowUpdate(0, 1<<30); err != nil {
		t.Fatal(err)
	}
	deaf.ask(t, true, "GET", "/big.php?mb=64", "cookie", cookie)
	g.awaitMetric(t, `client_gone_total{stage="relay"}`, 2)
	g.awaitMetric(t, "in_flight", 0)
	g.awaitMetric(t, "connections", 1) // c's
}

func TestALargeUploadPassesOverHTTP2(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	for _, size := range []int{0, 1, 16 << 10, 8 << 20} {
		body := randomBytes(size)
		req := overTLS(request(t, "POST", "/echo.php", "one", strings.NewReader(string(body))))
		if got := readEcho(t, g.do(req)); got.Length != size {
			t.Errorf("PHP saw %+v of %d bytes", got, size)
		}
		chunked := overTLS(request(t, "POST", "/echo.php", "one", io.NopCloser(strings.NewReader(string(body)))))
		if got := readEcho(t, g.do(chunked)); got.Length != size {
			t.Errorf("without a length PHP saw %+v of %d bytes", got, size)
		}
	}
}

// Names that PHP would fold into others come lower-cased over HTTP/2.
func TestHeadersAreFilteredOverHTTP2Too(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 1)))
	c := g.dialFrames(t, 0)
	e := c.await(t, c.ask(t, true, "GET", "/env.php", "host", "evil.test", "x_forwarded_for", "6.6.6.6", "x.forwarded.proto", "gopher", "proxy", "evil",
		"x-original-url", "/evil", "x-sessiongate-fence", "1", "forwarded", "for=6.6.6.6", "x-request-id", "mine", "cookie", "a=1", "cookie", cookie), false).want(t, "200")
	env := environment(t, answer{status: http.StatusOK, body: e.body})
	for _, name := range []string{"HTTP_PROXY", "HTTP_X_ORIGINAL_URL"} {
		if v, ok := env[name]; ok {
			t.Errorf("%s = %v", name, v)
		}
	}
	wantEnvironment(t, env, map[string]any{
		"HTTP_HOST": "gate.test", "HTTP_X_FORWARDED_FOR": "127.0.0.1", "HTTP_X_FORWARDED_PROTO": "https",
		"HTTP_FORWARDED": "for=127.0.0.1;host=gate.test;proto=https", "HTTP_COOKIE": "a=1; " + cookie,
	})
	if id, _ := env["HTTP_X_REQUEST_ID"].(string); len(id) != 32 {
		t.Errorf("X-Request-Id is %q", id)
	}
}
