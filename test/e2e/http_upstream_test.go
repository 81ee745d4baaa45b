package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// inFrontOfHTTP runs a gate before a backend of this process.
func inFrontOfHTTP(t *testing.T, backend http.HandlerFunc, parts ...string) *gate {
	t.Helper()
	s := httptest.NewServer(backend)
	t.Cleanup(s.Close)
	parts = append([]string{fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", s.Listener.Addr())}, parts...)
	return startGate(t, parts...)
}

func TestAnHTTPUpstreamSeesTheRequestUnchanged(t *testing.T) {
	g := inFrontOfHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s|%d %q|%s", r.Method, r.RequestURI, r.Host, r.ContentLength, body, r.Header.Get("User-Agent"))
	})
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		for _, target := range []string{"/", "/a;b?c;d=1&e", "/a%2Fb/%20?x=%2F+", "//a//b/../c/./", "/%E4?%zz", "/a?"} {
			c := g.dial(t)
			c.write(t, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a.example:81\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi", method, target))
			want := fmt.Sprintf("%s %s a.example:81|2 \"hi\"|", method, target)
			if got := c.answer(t).want(t, 200).body; got != want {
				t.Errorf("%s %s: the upstream saw %q, want %q", method, target, got, want)
			}
		}
	}
	// The spool has measured the body, so that its length is known.
	c := g.dial(t)
	c.write(t, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nUser-Agent: me\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
	if got := c.answer(t).want(t, 200).body; got != `POST /x h|2 "hi"|me` {
		t.Errorf("a chunked body: the upstream saw %q", got)
	}
}

func TestAnswersOfAnHTTPUpstreamPassUnchanged(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, "hello")
	z.Close()
	g := inFrontOfHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes())
		case "/204", "/304":
			var code int
			fmt.Sscan(r.URL.Path[1:], &code)
			w.Header().Set("Etag", `"x"`)
			w.WriteHeader(code)
		case "/length":
			w.Header().Set("Content-Length", "5")
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "hello")
		case "/chunked":
			io.WriteString(w, "hel")
			w.(http.Flusher).Flush()
			io.WriteString(w, "lo")
		case "/early":
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			io.WriteString(w, "hello")
		}
	})
	for _, tc := range []struct {
		method, path, body, length, encoding string
		status                               int
	}{
		{"GET", "/gzip", zipped.String(), fmt.Sprint(zipped.Len()), "", 200},
		{"GET", "/204", "", "", "", 204},
		{"GET", "/304", "", "", "", 304},
		{"GET", "/length", "hello", "5", "", 200},
		{"HEAD", "/length", "", "5", "", 200},
		{"GET", "/early", "hello", "5", "", 200},
	} {
		resp, err := g.client.Do(request(t, tc.method, tc.path, "one", nil))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != tc.body || resp.StatusCode != tc.status {
			t.Errorf("%s %s: %d %q, %v", tc.method, tc.path, resp.StatusCode, body, err)
		}
		if got := resp.Header.Get("Content-Length"); got != tc.length {
			t.Errorf("%s %s: Content-Length %q, want %q", tc.method, tc.path, got, tc.length)
		}
		if got := strings.Join(resp.TransferEncoding, ","); got != tc.encoding {
			t.Errorf("%s %s: Transfer-Encoding %q, want %q", tc.method, tc.path, got, tc.encoding)
		}
		if tc.path == "/length" && resp.Header["Content-Type"] != nil {
			t.Errorf("a Content-Type was made up: %v", resp.Header)
		}
	}
}

func TestAnAnswerOfUnknownLengthIsChunked(t *testing.T) {
	goOn := make(chan struct{})
	g := inFrontOfHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hel")
		w.(http.Flusher).Flush()
		<-goOn
		io.WriteString(w, "lo")
	})
	resp, err := g.client.Do(request(t, "GET", "/", "one", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	close(goOn)
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "hello" || fmt.Sprint(resp.TransferEncoding) != "[chunked]" {
		t.Errorf("got %q, %v, Transfer-Encoding %v", body, err, resp.TransferEncoding)
	}
}

func TestAnAnswerThatComesBeforeTheBodyIsReadPasses(t *testing.T) {
	g := inFrontOfHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "no", http.StatusRequestEntityTooLarge)
	})
	for range 10 {
		a := g.do(request(t, "POST", "/", "one", bytes.NewReader(randomBytes(5_000_000)))).want(t, http.StatusRequestEntityTooLarge)
		if a.body != "no\n" {
			t.Errorf("got %q", a.body)
		}
	}
	g.wantEmptySpool(t)
}

// The connection to such an upstream is still being written to when its answer
// is over. The gate ends in order all the same.
func TestAGateEndsInOrderRightAfterAnEarlyAnswer(t *testing.T) {
	backend := rawBackend(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReaderSize(c, 16)) // no more than the head, more or less
		io.WriteString(c, "HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		<-t.Context().Done()
	})
	g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend))
	g.do(request(t, "POST", "/", "one", bytes.NewReader(randomBytes(20_000_000)))).want(t, http.StatusRequestEntityTooLarge)
	g.close(t)
}

func TestABrokenHTTPAnswerCutsTheClient(t *testing.T) {
	g := inFrontOfHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "100")
		}
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	for _, path := range []string{"/length", "/chunked"} {
		resp, err := g.client.Do(request(t, "GET", path, "one", nil))
		if err != nil {
			continue // cut before the head was flushed
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %q, %v; want an unexpected end", path, body, err)
		}
	}
	g.awaitMetric(t, `upstream_errors_total{kind="early_eof",upstream="php"}`, 2)
	g.awaitMetric(t, "sessions", 0)
}

// A request that has been sent may have been carried out: it is never sent
// again, not even where its method promises that this does no harm.
func TestARequestThatWasSentIsNotSentAgain(t *testing.T) {
	var seen atomic.Int32
	g := inFrontOfHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/die" {
			seen.Add(1)
			panic(http.ErrAbortHandler)
		}
	})
	for _, method := range []string{"GET", "POST"} {
		seen.Store(0)
		g.get(t, "/warm-up", "one").want(t, 200) // leaves a connection to be used again
		req := request(t, method, "/die", "one", nil)
		req.Header.Set("Idempotency-Key", "1")
		g.do(req).wantRefusal(t, http.StatusBadGateway, "upstream_error")
		if n := seen.Load(); n != 1 {
			t.Errorf("%s reached the upstream %d times", method, n)
		}
	}
}

func TestAnUpstreamThatIsNoHTTPIsABadGateway(t *testing.T) {
	g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", brokenFPM(t, "SSH-2.0-x\r\n\r\n")))
	g.get(t, "/", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
	g.awaitMetric(t, `upstream_errors_total{kind="bad_response",upstream="php"}`, 1)
}

// nginx in front of php-fpm, as a gate without FastCGI would meet it.
func TestUpdatesAreKeptThroughNginx(t *testing.T) {
	g := startGate(t, inFrontOfNginx(t, startPHP(t, 4)))
	var answers []<-chan answer
	for range 20 {
		answers = append(answers, g.start(t, "/counter.php?ms=1", "one"))
	}
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
	if a := g.get(t, "/counter.php", "one").want(t, 200); a.body != "21\n" {
		t.Errorf("after 20 updates the counter says %q", a.body)
	}
	body := randomBytes(300_000)
	if got := readEcho(t, g.do(request(t, "POST", "/echo.php", "one", bytes.NewReader(body)))); got.Length != len(body) {
		t.Errorf("PHP saw %+v", got)
	}
}
