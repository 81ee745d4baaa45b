package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestABoundOfTheLineIsRefusedAtOnce(t *testing.T) {
	pool := startPHP(t, 4)
	for _, tc := range []struct {
		name, settings, reason string
		waiting                int // requests that may wait
		session                string
	}{
		{"max_waiting", "lock: {max_waiting: 2}", "session_full", 2, "one"},
		{"max_waiting_per_client", "lock: {max_waiting: 0, max_waiting_per_client: 2}", "client_full", 2, "two"},
		{"max_waiting_total", "lock: {max_waiting: 0, max_waiting_per_client: 0, max_waiting_total: 2}", "total_full", 2, "two"},
		{"busy", "lock: {busy: reject}", "session_busy", 0, "one"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := startGate(t, inFrontOf(pool), tc.settings)
			j, end := newJournal(t), newBarrier(t)
			answers := []<-chan answer{g.start(t, end.page(j, "a"), "one")}
			j.await(t, "begin a")
			if tc.session == "two" { // its line is not empty either
				answers = append(answers, g.start(t, end.page(j, "b"), "two"))
				j.await(t, "begin b")
			}
			for i := 1; i <= tc.waiting; i++ {
				answers = append(answers, g.queue(t, j.page("slow", "c", "ms=0"), "one", i))
			}
			a := g.get(t, j.page("slow", "refused", "ms=0"), tc.session).wantRefusal(t, 429, tc.reason)
			if a.took > soon {
				t.Errorf("refused after %v", a.took)
			}
			end.lift(t)
			for _, done := range answers {
				receive(t, done).want(t, 200)
			}
			if j.has(t, "begin refused") {
				t.Error("the refused request reached PHP")
			}
			g.awaitMetric(t, fmt.Sprintf("refused_total{reason=%q}", tc.reason), 1)
			g.get(t, "/trivial.php", tc.session).want(t, 200)
		})
	}
}

// fullLine is a gate where every further request of session one is refused.
func fullLine(t *testing.T, settings ...string) *gate {
	t.Helper()
	g := startGate(t, append([]string{inFrontOf(startPHP(t, 2)), "lock: {busy: reject}"}, settings...)...)
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	t.Cleanup(func() {
		end.lift(t)
		receive(t, first).want(t, 200)
	})
	return g
}

func TestARefusalDoesNotWaitForTheBodyAndClosesTheConnection(t *testing.T) {
	g := fullLine(t)
	for _, tc := range []struct {
		name  string
		lines []string
		sent  string // of the body
	}{
		{"1 MB declared, none sent", []string{"Content-Length: 1000000"}, ""},
		{"100 KB declared, none sent", []string{"Content-Length: 100000"}, ""},
		{"100 KB declared, 1 byte sent", []string{"Content-Length: 100000"}, "x"},
		{"1 byte declared, none sent", []string{"Content-Length: 1"}, ""},
		{"chunked, none sent", []string{"Transfer-Encoding: chunked"}, ""},
		{"chunked, in the middle", []string{"Transfer-Encoding: chunked"}, "5\r\nabc"},
		{"waits for 100 Continue", []string{"Content-Length: 1000", "Expect: 100-continue"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel() // each waits a second for the close
			c := g.dial(t)
			c.ask(t, "POST", "/echo.php", "one", tc.lines...)
			c.write(t, tc.sent)
			a := c.answer(t).wantRefusal(t, 429, "session_busy")
			if !a.closes {
				t.Errorf("the connection stays open: %v", a.header)
			}
			if rest := c.awaitClosed(t); rest != "" {
				t.Errorf("after the answer came %q", rest)
			}
		})
	}
	t.Cleanup(func() { g.awaitMetric(t, "in_flight", 1) })
}

func TestARefusalArrivesWhileTheBodyIsBeingSent(t *testing.T) {
	g := fullLine(t)
	c := g.dial(t)
	c.ask(t, "POST", "/echo.php", "one", "Content-Length: 100000")
	c.write(t, strings.Repeat("x", 100000))
	c.answer(t).wantRefusal(t, 429, "session_busy")
}

func TestARefusalWithoutABodyKeepsTheConnection(t *testing.T) {
	g := fullLine(t)
	c := g.dial(t)
	for range 3 {
		c.ask(t, "GET", "/trivial.php", "one")
		c.answer(t).wantRefusal(t, 429, "session_busy")
	}
	c.ask(t, "GET", "/trivial.php", "two")
	c.answer(t).want(t, 200)
}

// A client that asks and asks without ever reading must not keep a handler for
// ever: refusals are subject to write_idle_timeout like answers.
func TestAClientThatReadsNoRefusalsIsCutOff(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {write_idle_timeout: 300ms}", "rules: [{name: no, match: {path: [/no]}, action: reject}]")
	c := g.dial(t)
	line := "GET /no HTTP/1.1\r\nHost: gate.test\r\n\r\n"
	many := strings.Repeat(line, 1000)
	var sent int
	var err error
	for err == nil && sent < 200<<20 {
		var n int
		n, err = c.Write([]byte(many))
		sent += n
	}
	if err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("after %d bytes: %v; want the connection closed", sent, err)
	}
}

func TestBodiesThatAreTooLargeAreRefused(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {max_body_size: 100KiB}",
		"rules: [{name: upload, match: {query: [{name: upload}]}, max_body_size: 200KiB}]")
	t.Run("declared", func(t *testing.T) {
		c := g.dial(t)
		c.ask(t, "POST", "/echo.php", "one", "Content-Length: 102401", "Expect: 100-continue")
		c.answer(t).wantRefusal(t, 413, "body_too_large")
		c.awaitClosed(t)
	})
	t.Run("chunked", func(t *testing.T) {
		c := g.dial(t)
		c.ask(t, "POST", "/echo.php", "one", "Transfer-Encoding: chunked")
		c.write(t, fmt.Sprintf("%x\r\n%s\r\n", 102401, strings.Repeat("x", 102401)))
		c.answer(t).wantRefusal(t, 413, "body_too_large")
		c.awaitClosed(t)
	})
	t.Run("as large as allowed", func(t *testing.T) {
		g.do(request(t, "POST", "/echo.php", "one", strings.NewReader(strings.Repeat("x", 102400)))).want(t, 200)
	})
	t.Run("by rule", func(t *testing.T) {
		g.do(request(t, "POST", "/echo.php?upload=1", "one", strings.NewReader(strings.Repeat("x", 204800)))).want(t, 200)
		g.do(request(t, "POST", "/echo.php?upload=1", "one", strings.NewReader(strings.Repeat("x", 204801)))).wantRefusal(t, 413, "body_too_large")
	})
	g.awaitMetric(t, `refused_total{reason="body_too_large"}`, 3)
}

func TestHeadersThatAreTooLargeAreRefused(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {max_header_size: 16KiB}")
	c := g.dial(t)
	c.ask(t, "GET", "/trivial.php", "one", "X-Large: "+strings.Repeat("x", 32<<10))
	c.answer(t).want(t, http.StatusRequestHeaderFieldsTooLarge)
	c.awaitClosed(t)

	large := startGate(t, inFrontOf(startPHP(t, 2)), "server: {max_header_size: 256KiB}")
	c = large.dial(t)
	c.ask(t, "GET", "/trivial.php", "one", "X-Large: "+strings.Repeat("x", 100<<10))
	c.answer(t).wantRefusal(t, http.StatusRequestHeaderFieldsTooLarge, "header_too_large")
}

func TestUploadsAreBounded(t *testing.T) {
	pool := startPHP(t, 2)
	for _, tc := range []struct{ settings, reason string }{
		{"server: {max_uploading: 2, max_uploading_per_client: 0}", "uploads_total"},
		{"server: {max_uploading_per_client: 2}", "uploads_client"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			g := startGate(t, inFrontOf(pool), tc.settings)
			var open []*conn
			for range 2 {
				c := g.dial(t)
				c.ask(t, "POST", "/echo.php", "one", "Content-Length: 4")
				open = append(open, c)
			}
			g.awaitMetric(t, "uploading", 2)
			c := g.dial(t)
			c.ask(t, "POST", "/echo.php", "two", "Content-Length: 4")
			c.answer(t).wantRefusal(t, 429, tc.reason)
			c.awaitClosed(t)
			// Nothing is held while a body is read: the session is served.
			g.get(t, "/counter.php", "one").want(t, 200)
			for _, c := range open {
				c.write(t, "body")
				c.answer(t).want(t, 200)
			}
			g.awaitMetric(t, "uploading", 0)
		})
	}
}

func TestABodyThatStallsIsRefused(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {body_idle_timeout: 200ms}")
	for _, lines := range []string{"Content-Length: 10", "Content-Length: 1000000", "Transfer-Encoding: chunked"} {
		t.Run(lines, func(t *testing.T) {
			t.Parallel()
			c := g.dial(t)
			c.ask(t, "POST", "/echo.php", "one", lines)
			c.answer(t).wantRefusal(t, 408, "upload_slow")
			c.awaitClosed(t)
		})
	}
	t.Cleanup(func() { g.get(t, "/trivial.php", "one").want(t, 200) })
}

// The deadline of a body must not outlast it: a wait that is longer than
// body_idle_timeout is not taken for a departure.
func TestAWaitAfterABodyIsNotBoundByTheBodysTimeout(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {body_idle_timeout: 1s, write_idle_timeout: 1s}")
	first := g.send(request(t, "POST", "/slow.php?ms=1500", "one", strings.NewReader("body")))
	c := g.dial(t)
	for range 2 {
		c.ask(t, "POST", "/slow.php?ms=1500", "two", "Content-Length: 4")
		c.write(t, "body")
		c.answer(t).want(t, 200)
	}
	if a := receive(t, first).want(t, 200); a.body != "ok\n" {
		t.Errorf("got %q", a.body)
	}
}
