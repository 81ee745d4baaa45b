package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func always(answer string) func(string) string { return func(string) string { return answer } }

func TestTrailersOfARequestReachAnHTTPUpstream(t *testing.T) {
	g, backend := inFrontOfRecorder(t, always(okAnswer), startGate, "spool: {body_memory: 4KiB}")
	for name, size := range map[string]int{"nothing": 0, "in memory": 100, "on disk": 100_000} {
		t.Run(name, func(t *testing.T) {
			c := g.dial(t)
			c.ask(t, "POST", "/", "one", "Transfer-Encoding: chunked", "Trailer: X-Sum, X-Never")
			if size > 0 {
				c.write(t, fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("a", size)))
			}
			c.write(t, "0\r\nX-Sum: abc\r\nX-Unannounced: def\r\n\r\n")
			c.answer(t).want(t, 200)
			lines := backend.last(t)
			announced := strings.Split(field(lines, "Trailer"), ",")
			slices.Sort(announced)
			if got := fmt.Sprint(announced); got != "[X-Sum X-Unannounced]" {
				t.Errorf("announced are %s", got)
			}
			end := slices.Index(lines, "0")
			if end < 0 || field(lines[end:], "X-Sum") != "abc" || field(lines[end:], "X-Unannounced") != "def" {
				t.Errorf("the upstream saw %q", lines)
			}
			if field(lines, "Content-Length") != "" || field(lines, "Transfer-Encoding") != "chunked" {
				t.Errorf("Content-Length %q, Transfer-Encoding %q", field(lines, "Content-Length"), field(lines, "Transfer-Encoding"))
			}
		})
	}
}

// What would be another message if somebody merged it into the header is
// dropped; the body keeps its measured length where nothing is left.
func TestTrailersThatMayNotStandThereAreDropped(t *testing.T) {
	g, backend := inFrontOfRecorder(t, always(okAnswer), startGate, "{session: {header: X-Session}, rules: [{name: debug, match: {header: [{name: x-debug}]}}]}")
	for _, bad := range []string{
		"Content-Length: 5", "Transfer-Encoding: chunked", "Host: other.example", "Cookie: PHPSESSID=two", "X-Session: two",
		"Authorization: Basic eA==", "Connection: close", "Keep-Alive: 5", "Te: trailers", "Trailer: X", "Upgrade: h2c", "Expect: 100-continue",
		"X-Forwarded-For: 9.9.9.9", "Forwarded: for=9.9.9.9", "X-Request-Id: mine", "X-Sessiongate-Fence: 9", "Proxy: http://evil.example",
		"X-Original-Url: /admin", "X_Under: 1", "X.Dot: 1", "Content-Type: text/html", "X-Nul: a\x00b", "If-Match: x", "X-Debug: 1", "X-HTTP-Method-Override: DELETE",
	} {
		c := g.dial(t)
		c.ask(t, "POST", "/", "one", "Transfer-Encoding: chunked")
		c.write(t, "2\r\nhi\r\n0\r\n"+bad+"\r\n\r\n")
		a := c.answer(t)
		if a.status == http.StatusBadRequest { // net/http's own judgement
			continue
		}
		a.want(t, 200)
		lines := backend.last(t)
		if field(lines, "Content-Length") != "2" || field(lines, "Trailer") != "" {
			t.Errorf("%q: the upstream saw %q", bad, lines)
		}
	}
}

func TestTrailersOfARequestOverHTTP2ReachAnHTTPUpstream(t *testing.T) {
	g, backend := inFrontOfRecorder(t, always(okAnswer), startTLSGate)
	req := overTLS(request(t, "POST", "/", "one", io.NopCloser(strings.NewReader("hello"))))
	req.ContentLength = -1
	req.Trailer = http.Header{"X-Sum": {"abc"}}
	req.Header.Set("Te", "trailers")
	g.do(req).want(t, 200)
	lines := backend.last(t)
	if field(lines, "X-Sum") != "abc" || field(lines, "Trailer") != "X-Sum" || field(lines, "Te") != "trailers" || field(lines, "Connection") != "TE" {
		t.Errorf("the upstream saw %q", lines)
	}
}

// FastCGI knows no trailers: PHP gets the body alone.
func TestTrailersOfARequestAreDroppedBeforePHP(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	c := g.dial(t)
	c.ask(t, "POST", "/echo.php", "one", "Transfer-Encoding: chunked", "Trailer: X-Sum")
	c.write(t, "4\r\nbody\r\n0\r\nX-Sum: abc\r\n\r\n")
	if got := readEcho(t, c.answer(t)); got.Length != 4 {
		t.Errorf("PHP saw %+v", got)
	}
	c = g.dial(t)
	c.ask(t, "POST", "/env.php", "one", "Transfer-Encoding: chunked", "Trailer: X-Sum", "TE: trailers")
	c.write(t, "1\r\n.\r\n0\r\nX-Sum: abc\r\n\r\n")
	env := environment(t, c.answer(t))
	for _, name := range []string{"HTTP_X_SUM", "HTTP_TRAILER", "HTTP_TE"} {
		if _, ok := env[name]; ok {
			t.Errorf("PHP sees %s: %v", name, env[name])
		}
	}
}

func TestTEIsPassedOnOnlyForTrailers(t *testing.T) {
	g, backend := inFrontOfRecorder(t, always(okAnswer), startGate)
	for te, want := range map[string]string{
		"X-Any: 1": "", "TE: trailers": "trailers", "TE: gzip, Trailers\r\nConnection: TE": "trailers", "TE: gzip": "", "TE: trailers;q=0": "",
	} {
		c := g.dial(t)
		c.ask(t, "GET", "/", "one", te)
		c.answer(t).want(t, 200)
		if got := field(backend.last(t), "Te"); got != want {
			t.Errorf("%q: the upstream saw TE %q, want %q", te, got, want)
		}
	}
}

// large is more than the spool keeps in memory in these tests.
var large = strings.Repeat("0123456789abcdef", 20<<10)

// trailing answers with chunks and a trailer.
func trailing(announce, body, trailer string) string {
	head := "HTTP/1.1 200 OK\r\n"
	if announce != "" {
		head += "Trailer: " + announce + "\r\n"
	}
	chunks := ""
	if body != "" {
		chunks = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
	}
	return head + "X-Both: in the header\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n" + trailer + "\r\n"
}

func TestTrailersOfAnAnswerReachTheClient(t *testing.T) {
	for _, tc := range []struct{ name, announce, body string }{
		{"announced", "X-Sum, X-Both, X-Never", "hello"},
		{"unannounced", "", "hello"},
		{"through the spool", "X-Sum", large},
		{"unannounced through the spool", "", large},
		{"behind nothing", "X-Sum", ""},
		{"unannounced behind nothing", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			said := trailing(tc.announce, tc.body, "X-Sum: abc\r\nX-Both: in the trailer\r\n")
			wanted := fmt.Sprint(http.Header{"X-Sum": {"abc"}, "X-Both": {"in the trailer"}})
			g, _ := inFrontOfRecorder(t, always(said), startTLSGate, "spool: {response_memory: 64KiB}")
			check := func(resp *http.Response) {
				t.Helper()
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil || string(body) != tc.body {
					t.Errorf("got %d bytes, %v", len(body), err)
				}
				// The client's Trailer also has what was announced and did not come.
				for name, values := range resp.Trailer {
					if values == nil {
						delete(resp.Trailer, name)
					}
				}
				if got := fmt.Sprint(resp.Trailer); got != wanted {
					t.Errorf("%s: trailer %s, want %s", resp.Proto, got, wanted)
				}
				if got := fmt.Sprint(resp.Header["X-Both"]); got != "[in the header]" {
					t.Errorf("%s: header %s", resp.Proto, got)
				}
			}
			resp, err := g.client.Do(overTLS(request(t, "GET", "/", "one", nil)))
			if err != nil {
				t.Fatal(err)
			}
			check(resp)
			c := g.dialTLS(t, "http/1.1")
			c.ask(t, "GET", "/", "one")
			check(c.head(t))
			c.write(t, "GET / HTTP/1.0\r\nHost: h\r\n\r\n")
			if a := c.answer(t).want(t, 200); a.body != tc.body || a.header.Get("Trailer") != "" {
				t.Errorf("HTTP/1.0: %d bytes, header %v", len(a.body), a.header)
			}
		})
	}
}

func TestTrailersOfAnAnswerThatMayNotStandThereAreDropped(t *testing.T) {
	bad := []string{
		"Content-Length: 5", "Set-Cookie: PHPSESSID=two", "Location: /", "X-Sessiongate: hold=1s", "X-Request-Id: mine",
		"Connection: close", "Transfer-Encoding: chunked", "Content-Type: text/html", "Cache-Control: public",
	}
	g, _ := inFrontOfRecorder(t, always(trailing("Set-Cookie, X-Sum", "hi", "X-Sum: abc\r\n"+strings.Join(bad, "\r\n")+"\r\n")), startGate)
	c := g.dial(t)
	c.ask(t, "GET", "/", "one")
	var raw bytes.Buffer
	for !strings.Contains(raw.String(), "\r\n0\r\n") || !strings.HasSuffix(raw.String(), "\r\n\r\n") {
		b, err := c.in.ReadByte()
		if err != nil {
			t.Fatalf("%v after %q", err, raw.String())
		}
		raw.WriteByte(b)
	}
	head, behind, _ := strings.Cut(raw.String(), "\r\n0\r\n")
	if behind != "X-Sum: abc\r\n\r\n" || field(strings.Split(head, "\r\n"), "Trailer") != "X-Sum" {
		t.Errorf("the client saw %q", raw.String())
	}
}

// An answer that breaks off before its trailer is not a whole one.
func TestAnAnswerThatBreaksOffBeforeItsTrailerIsCut(t *testing.T) {
	whole := trailing("X-Sum", "hello", "X-Sum: abc\r\n")
	backend := brokenFPM(t, strings.TrimSuffix(whole, "X-Sum: abc\r\n\r\n"))
	g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend))
	resp, err := g.client.Do(request(t, "GET", "/", "one", nil))
	if err != nil {
		return // cut before the head was flushed
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("got %q and %v as if it were whole", body, resp.Trailer)
	}
}
