package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PHP runs on when its header cannot be used: the client hears of it at once,
// the session's next request has to wait.
func TestABadHeaderKeepsTheTurnUntilPHPHasEnded(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 3)))
	j, end := newJournal(t), newBarrier(t)
	g.get(t, end.page(j, "bad", "first=1", "control=%01"), "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
	next := g.queue(t, j.page("slow", "next", "ms=0"), "one", 1)
	if j.has(t, "begin next") || j.has(t, "end bad") {
		t.Fatalf("the turn was given away: %q", j.words(t))
	}
	end.lift(t)
	receive(t, next).want(t, 200)
	if words := strings.Join(j.words(t), ", "); words != "begin bad, end bad, begin next, end next" {
		t.Errorf("PHP's journal: %s", words)
	}
}

// HTTP/1.0 ends an answer of unknown length by closing: where it is cut, the
// client must not see an ordinary end.
func TestACutAnswerIsNoWholeOneOverHTTP10(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	c := g.dial(t)
	c.write(t, "GET /abort.php HTTP/1.0\r\nHost: gate.test\r\n\r\n")
	got, err := io.ReadAll(c.in)
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("got %q, %v; want a reset", got, err)
	}
}

// Whoever asks for the connection to be closed gets its refusal all the same:
// closing on unread bytes would reset it, and proxies would report that.
func TestARefusalOutlivesTheBodyOfAClientThatCloses(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 1)), "rules: [{name: no, match: {path: [/**]}, action: reject}]")
	body := strings.Repeat("x", 4<<20)
	for _, head := range []string{
		"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
	} {
		c := g.dial(t)
		c.write(t, fmt.Sprintf(head, len(body)))
		c.write(t, body) // all of it, before anything is read
		c.answer(t).wantRefusal(t, http.StatusForbidden, "rule")
	}
}

// The end of an answer may come long after its last byte.
func TestAQuietEndIsSent(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	g := inFrontOfHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "all of it")
		w.(http.Flusher).Flush()
		<-end
	}, writeIdle(500*time.Millisecond))
	c := g.dial(t)
	c.ask(t, "GET", "/", "one")
	resp := c.head(t)
	if _, err := io.ReadFull(resp.Body, make([]byte, len("all of it"))); err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Second) // until well past the deadline of the last write
	close(end)
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Fatalf("the end of the answer: %q, %v", rest, err)
	}
}

// A stream that nobody reads and no turn depends on would keep its worker for
// ever.
func TestAnAbandonedStreamIsCut(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"without a session":     "lock: {mode: none}",
		"when its turn is over": "{lock: {max_hold: 1s}, upstream: {response_timeout: 1s}}",
	} {
		t.Run(name, func(t *testing.T) {
			cut := make(chan struct{})
			g := inFrontOfHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				close(cut)
			}, config)
			c := g.dial(t)
			c.ask(t, "GET", "/", "one")
			c.head(t)
			c.Close()
			select {
			case <-cut:
			case <-time.After(patience):
				t.Fatal("the stream goes on")
			}
			g.awaitMetric(t, "in_flight", 0)
			if n := g.metric(t, `client_gone_total{stage="relay"}`); n != 1 {
				t.Errorf("client_gone_total is %v, want 1", n)
			}
		})
	}
}

// The same where the stream's header cannot be used: its client has been told so
// and nobody reads on.
func TestAStreamWithABadHeaderIsCutToo(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 1)), "upstream: {response_timeout: 1s}")
	const page = "/stream.php?n=100000&ms=20&control=%01"
	g.get(t, page, "").wantRefusal(t, http.StatusBadGateway, "upstream_error")
	g.awaitMetric(t, "in_flight", 0)
	// The client is gone already when the header comes.
	g.get(t, page+"&before=1500", "").wantRefusal(t, http.StatusGatewayTimeout, "response_timeout")
	g.awaitMetric(t, "in_flight", 0)
	g.get(t, "/trivial.php", "").want(t, 200) // by the only worker
}

// Rules and application must mean the same path.
func TestTargetsThatOthersReadInAnotherWayAreRefused(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 1)))
	for _, target := range []string{
		"x:http://victim/admin", "x:admin/a", "/cart#/../../static/x", "/#", "/a?b#c", "http://gate.test/a#b",
	} {
		c := g.dial(t)
		c.write(t, "GET "+target+" HTTP/1.1\r\nHost: gate.test\r\n\r\n")
		if a := c.answer(t); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", target, a.status)
		}
	}
}

// A header that Connection names does not reach PHP, so it must not choose the
// line either.
func TestAHeaderForThisConnectionChoosesNoLine(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "session: {header: X-Session-Id}")
	var keys []string
	for _, id := range []string{"r1", "r2"} {
		c := g.dial(t)
		c.ask(t, "GET", "/trivial.php", "mine", "X-Session-Id: "+id, "Connection: X-Session-Id")
		c.answer(t).want(t, 200)
		g.awaitMetric(t, "in_flight", 0)
	}
	for line := range strings.Lines(g.log.String()) {
		if _, rest, ok := strings.Cut(line, `"session":"`); ok {
			keys = append(keys, rest[:16])
		}
	}
	if len(keys) != 2 || keys[0] != keys[1] {
		t.Errorf("the requests stood in lines %q, want twice the cookie's", keys)
	}
}

// What an upstream writes may be a secret: nothing of it goes into the log.
func TestABadAnswerIsNotQuotedInTheLog(t *testing.T) {
	const secret = "PHPSESSID=secretid"
	over := map[string]string{
		"http":    "HTTP/1.1 200 OK\r\nSet-Cookie " + secret + "\r\n\r\n",
		"fastcgi": "\x01\x06\x00\x01\x00\x21\x00\x00Set-Cookie " + secret + "\r\n\r\n\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	}
	for protocol, said := range over {
		t.Run(protocol, func(t *testing.T) {
			g := startGate(t, fmt.Sprintf("upstream: {protocol: %s, servers: [{address: %q}]}", protocol, brokenFPM(t, said)))
			g.get(t, "/", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
			g.awaitMetric(t, `upstream_errors_total{kind="bad_response",upstream="php"}`, 1)
			g.awaitMetric(t, "in_flight", 0)
			if log := g.log.String(); strings.Contains(log, "secretid") || !strings.Contains(log, "upstream_error") {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// "/x.php/more" runs the same script as "/x.php": a rule that closes it closes
// both.
func TestARuleForAScriptHoldsForWhatFollowsIt(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 1)), "rules: [{name: closed, match: {path: [/**/sid.php, /sid.php]}, action: reject}]")
	for _, path := range []string{"/sid.php", "/sid.php/", "/sid.php/more", "/sid.php/a.php/b", "//sid.php/x", "/./sid.php/x"} {
		c := g.dial(t)
		c.ask(t, "GET", path, "one")
		c.answer(t).wantRefusal(t, http.StatusForbidden, "rule")
	}
	g.get(t, "/trivial.php/sid.ph", "one").want(t, 200)
}

func TestAFolderWithoutItsSlashIsSentThere(t *testing.T) {
	pool := startPHP(t, 1)
	admin := filepath.Join(pool.Root(), "wp admin")
	if err := os.Mkdir(admin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(admin, "index.php"), []byte("<?php echo 'admin';"), 0o644); err != nil {
		t.Fatal(err)
	}
	g := startGate(t, inFrontOf(pool), "upstream: {script: try}")
	for path, want := range map[string]string{"/wp%20admin": "/wp%20admin/", "/wp%20admin?a=b%2F": "/wp%20admin/?a=b%2F", "//wp%20admin": "/wp%20admin/"} {
		c := g.dial(t)
		c.ask(t, "GET", path, "one")
		a := c.answer(t).wantRefusal(t, http.StatusMovedPermanently, "folder")
		if got := a.header.Get("Location"); got != want {
			t.Errorf("%s: Location %q, want %q", path, got, want)
		}
	}
	if body := g.get(t, "/wp%20admin/", "one").want(t, 200).body; body != "admin" {
		t.Errorf("the folder's page: %q", body)
	}
}
