package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// said is what an application answers, and what has to reach the client of it:
// everything.
type said struct {
	name, method string
	status       int
	header       []string // lines in their order
	body         string
	length       bool // there is a Content-Length
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

var answersOfApplications = []said{
	{name: "a part", status: 206, header: []string{"Content-Type: text/plain", "Content-Range: bytes 0-4/10", "Accept-Ranges: bytes", `Etag: "x"`}, body: "01234", length: true},
	{name: "several parts", status: 206, header: []string{"Content-Type: multipart/byteranges; boundary=B"}, body: "--B\r\nContent-Range: bytes 0-0/9\r\n\r\n0\r\n--B\r\nContent-Range: bytes 8-8/9\r\n\r\n8\r\n--B--\r\n"},
	{name: "no such part", status: 416, header: []string{"Content-Type: text/plain", "Content-Range: bytes */10"}, length: true},
	{name: "not modified", status: 304, header: []string{`Etag: W/"y"`, "Last-Modified: Mon, 02 Jan 2006 15:04:05 GMT", "Vary: Accept-Encoding, Cookie"}},
	{name: "no content", status: 204, header: []string{"X-Any: 1"}},
	{name: "HEAD", method: "HEAD", status: 200, header: []string{"Content-Type: text/html", "Content-Length: 12345"}},
	{name: "compressed", status: 200, header: []string{"Content-Type: text/html; charset=iso-8859-1", "Content-Encoding: gzip", "Vary: Accept-Encoding"}, body: zipped("hello"), length: true},
	{name: "compressed, of unknown length", status: 200, header: []string{"Content-Type: text/html", "Content-Encoding: br"}, body: "\x1b\x00not really brotli"},
	{name: "a redirect", status: 302, header: []string{"Content-Type: text/html", "Location: http://127.0.0.1:9000/a;b/%2F..//?x=%zz&y=a b#c"}},
	{name: "a relative redirect", status: 303, header: []string{"Content-Type: text/html", "Location: ../x?y"}},
	{name: "cookies", status: 200, header: []string{"Content-Type: text/html", "Set-Cookie: a=1; Path=/; HttpOnly; SameSite=Lax", "Set-Cookie: b=\"x, y\";;secure", "Set-Cookie: a=2; Domain=other.example; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Set-Cookie: empty="}, body: "x"},
	{name: "no type", status: 200, body: "<html>"},
	{name: "bytes beyond ASCII", status: 200, header: []string{"Content-Type: application/octet-stream", "Content-Disposition: attachment; filename=\"\u00fc.bin\"", "X-Latin: \xfc"}, body: "\x00\xff"},
	{name: "an error page", status: 500, header: []string{"Content-Type: text/html", "Retry-After: 120", "Cache-Control: private, max-age=0", "Server: app"}, body: "oops"},
	{name: "an unusual status", status: 299, header: []string{"Content-Type: text/plain", "Warning: 299 - \"x\""}, body: "x"},
}

// fromPHP asks the page that answers so.
func (s said) fromPHP() string {
	q := url.Values{"status": {fmt.Sprint(s.status)}, "header[]": s.header, "body": {base64.StdEncoding.EncodeToString([]byte(s.body))}}
	if s.length {
		q.Set("length", "1")
	}
	return "/say.php?" + q.Encode()
}

// overHTTP is the answer of an HTTP server.
func (s said) overHTTP() string {
	head := fmt.Sprintf("HTTP/1.1 %d Any\r\n", s.status)
	for _, line := range s.header {
		head += line + "\r\n"
	}
	switch {
	case s.length:
		head += fmt.Sprintf("Content-Length: %d\r\n", len(s.body))
	case s.body != "":
		return head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(s.body), s.body)
	case s.method != "HEAD" && s.status != 204 && s.status != 304:
		head += "Content-Length: 0\r\n"
	}
	return head + "\r\n" + s.body
}

// check compares what the client has got with what was said.
func (s said) check(t *testing.T, how string, a answer) {
	t.Helper()
	a.want(t, s.status)
	if a.body != s.body {
		t.Errorf("%s, %s: body %q", how, s.name, a.body)
	}
	want := http.Header{}
	for _, line := range s.header {
		name, value, _ := strings.Cut(line, ": ")
		want.Add(name, value)
	}
	if s.length {
		want.Set("Content-Length", fmt.Sprint(len(s.body)))
	}
	got := a.header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "X-Powered-By", "Connection"} {
		got.Del(name)
	}
	if want.Get("Content-Length") == "" {
		got.Del("Content-Length") // of a short body, as net/http pleases
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s, %s:\ngot  %v\nwant %v", how, s.name, got, want)
	}
}

// Whatever an application says reaches the client: over HTTP and FastCGI, to
// clients of HTTP/1.0, 1.1 and 2.
func TestAnswersReachTheClientUnchanged(t *testing.T) {
	byPath := func(path string) string {
		i := slices.IndexFunc(answersOfApplications, func(s said) bool { return "/"+url.PathEscape(s.name) == path || "/"+s.name == path })
		return answersOfApplications[i].overHTTP()
	}
	overHTTP, _ := inFrontOfRecorder(t, byPath, startTLSGate)
	overFastCGI := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	for _, s := range answersOfApplications {
		if s.method == "" {
			s.method = "GET"
		}
		for kind, g := range map[string]*gate{"HTTP": overHTTP, "FastCGI": overFastCGI} {
			path := "/" + url.PathEscape(s.name)
			if g == overFastCGI {
				path = s.fromPHP()
			}
			s.check(t, kind+", HTTP/2", g.do(overTLS(request(t, s.method, path, "one", nil))))
			for _, version := range []string{"1.0", "1.1"} {
				c := g.dialTLS(t, "http/1.1")
				c.write(t, fmt.Sprintf("%s %s HTTP/%s\r\nHost: h\r\n\r\n", s.method, path, version))
				s.check(t, kind+", HTTP/"+version, c.answerTo(t, s.method))
			}
		}
	}
}

// What a request says of ranges, encodings and conditions is the application's
// to judge, and so is a compressed body.
func TestRequestsReachTheApplicationUnchanged(t *testing.T) {
	overHTTP, backend := inFrontOfRecorder(t, always(okAnswer), startGate)
	overFastCGI := startGate(t, inFrontOf(startPHP(t, 2)))
	body := zipped("hello")
	fields := []string{
		"Range: bytes=0-0, -1", `If-Range: "x"`, "If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT", "Accept-Encoding: gzip;q=0.5, br",
		"Content-Encoding: gzip", "Content-Type: text/plain; charset=iso-8859-1", "Authorization: Bearer a.b-c", "Referer: http://x.example/;?",
	}
	lines := append([]string{fmt.Sprintf("Content-Length: %d", len(body))}, fields...)
	c := overHTTP.dial(t)
	c.ask(t, "PUT", "/a;b?c;d=%2F&e", "one", lines...)
	c.write(t, body)
	c.answer(t).want(t, 200)
	seen := backend.last(t)
	if seen[0] != "PUT /a;b?c;d=%2F&e HTTP/1.1" || !strings.HasSuffix(strings.Join(seen, "\r\n"), "\r\n\r\n"+body) {
		t.Errorf("the upstream saw %q", seen)
	}
	c = overFastCGI.dial(t)
	c.ask(t, "PUT", "/env.php?c;d=%2F&e", "one", lines...)
	c.write(t, body)
	env := environment(t, c.answer(t))
	if env["QUERY_STRING"] != "c;d=%2F&e" {
		t.Errorf("PHP's query is %v", env["QUERY_STRING"])
	}
	for _, line := range fields {
		name, value, _ := strings.Cut(line, ": ")
		if got := field(seen, name); got != value {
			t.Errorf("the upstream saw %s: %q", name, got)
		}
		variable := "HTTP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if name == "Content-Type" { // which CGI names otherwise
			variable = "CONTENT_TYPE"
		}
		if got := env[variable]; got != value {
			t.Errorf("PHP saw %s: %v", variable, got)
		}
	}
}

// A long poll is silent for as long as its application likes: no time-out but
// response_timeout looks at it.
func TestALongPollIsNotCut(t *testing.T) {
	t.Parallel()
	const limits = "server: {read_header_timeout: 1s, body_idle_timeout: 1s, write_idle_timeout: 1s, idle_timeout: 1s}"
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(2 * time.Second)
		io.WriteString(w, "news")
	}))
	t.Cleanup(backend.Close)
	overHTTP := startTLSGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend.Listener.Addr()), limits)
	overFastCGI := startTLSGate(t, inFrontOf(startPHP(t, 4)), limits)
	var polls []<-chan answer
	var connections []*conn
	for g, path := range map[*gate]string{overHTTP: "/", overFastCGI: "/slow.php?ms=2000"} {
		polls = append(polls, g.send(overTLS(request(t, "GET", path, "one", nil))), g.send(overTLS(request(t, "POST", path, "two", strings.NewReader("x")))))
		c := g.dialTLS(t, "http/1.1")
		c.ask(t, "GET", path, "three")
		connections = append(connections, c)
	}
	for _, c := range connections {
		c.answer(t).want(t, 200)
	}
	for _, poll := range polls {
		receive(t, poll).want(t, 200)
	}
}

// An answer that says that it must not be buffered never goes to disk: its
// upstream is slowed to the client's pace.
func TestAnUnbufferedAnswerNeverGoesToDisk(t *testing.T) {
	for _, line := range []string{"X-Accel-Buffering: no", "Content-Type: text/event-stream; charset=utf-8"} {
		var wrote int64
		ended := make(chan struct{})
		backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			defer close(ended)
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
			wrote, _ = io.CopyN(w, endless{}, 1<<30) // until the gate cuts it
		}))
		g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend.Listener.Addr()), "spool: {response_memory: 64KiB}")
		c := g.dial(t)
		c.ask(t, "GET", "/", "")
		c.head(t)
		eventually(t, func() bool { return g.metric(t, "spool_memory_bytes") > 32<<10 }, func() string { return "nothing is spooled" })
		if n := g.metric(t, "spool_disk_bytes"); n != 0 {
			t.Errorf("%s: %v bytes are on disk", line, n)
		}
		c.Close()
		<-ended
		if wrote >= 1<<30 {
			t.Errorf("%s: the upstream was not slowed", line)
		}
		g.close(t)
		backend.Close()
	}
}
