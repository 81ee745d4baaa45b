package fastcgi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// onPHP runs a test on a real php-fpm, over TCP and over a unix socket. The
// script mode is "path" on the sample pages.
func onPHP(t *testing.T, adjust func(*Options), test func(t *testing.T, php *client)) {
	t.Helper()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			var settings fpm.Options
			if network == "unix" {
				settings.Socket = fpmtest.Socket(t)
			}
			pool := fpmtest.Start(t, settings)
			script, err := NewResolver(ScriptPath, "", pool.Root())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { script.Close() })
			opts := Options{Address: pool.Address(), Root: pool.Root(), Script: script}
			if adjust != nil {
				adjust(&opts)
			}
			test(t, newClient(t, opts))
		})
	}
}

func TestEnvironmentReachesPHP(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		req := php.request("GET", "/env.php/a%20b?x=1&y=%20", "")
		req.Header.Add("Cookie", "a=1")
		req.Header.Add("Cookie", "b=2")
		req.Header.Set("Accept-Language", "de")
		req.Header.Set("Proxy", "http://evil")
		var server map[string]any
		php.json(req, &server)
		want := map[string]any{
			"SCRIPT_NAME": "/env.php", "PATH_INFO": "/a b", "REQUEST_URI": "/env.php/a%20b?x=1&y=%20",
			"QUERY_STRING": "x=1&y=%20", "REQUEST_METHOD": "GET", "DOCUMENT_ROOT": php.root,
			"SCRIPT_FILENAME": php.root + "/env.php", "PATH_TRANSLATED": php.root + "/a b",
			"PHP_SELF": "/env.php/a b", "DOCUMENT_URI": "/env.php/a b",
			"HTTP_COOKIE": "a=1; b=2", "HTTP_ACCEPT_LANGUAGE": "de", "HTTP_HOST": "shop.example:8080", "HTTP_PROXY": nil,
			"SERVER_NAME": "shop.example", "GATEWAY_INTERFACE": "CGI/1.1", "HTTPS": nil, "REQUEST_SCHEME": "http",
		}
		for name, value := range want {
			if server[name] != value {
				t.Errorf("%s = %v, want %v", name, server[name], value)
			}
		}
	})
}

func TestBodiesArriveWhole(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		for _, size := range []int{0, 1, bufferSize - 1000, bufferSize, 64 << 10, uploadSize*3 - 3*headerSize, 5 << 20} {
			body := strings.Repeat("\x00\xffabcde", size/7+1)[:size]
			req := php.request("POST", "/echo.php", body)
			req.Header.Set("Content-Type", "application/octet-stream")
			var got struct {
				Method      string `json:"method"`
				ContentType string `json:"content_type"`
				Length      int    `json:"length"`
				SHA256      string `json:"sha256"`
			}
			php.json(req, &got)
			sum := sha256.Sum256([]byte(body))
			if got.Length != size || got.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("of %d bytes %d arrived, SHA-256 %s", size, got.Length, got.SHA256)
			}
			if got.Method != "POST" || got.ContentType != "application/octet-stream" {
				t.Errorf("method %q, content type %q", got.Method, got.ContentType)
			}
		}
	})
}

func TestPHPMayAnswerWithoutReadingTheBody(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		req := php.request("PUT", "/trivial.php", strings.Repeat("x", 8<<20))
		req.Header.Set("Content-Type", "application/octet-stream")
		_, body := php.fetch(req)
		if body != "ok" {
			t.Errorf("body %q", body)
		}
	})
}

func TestLargeHeadersPassBothWays(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		resp, body := php.fetch(php.request("GET", "/headers.php?kb=80&cookies=5", ""))
		if len(resp.Header) < 80 || body != "ok\n" {
			t.Errorf("%d header fields, body %q", len(resp.Header), body)
		}
		cookies := resp.Header["Set-Cookie"]
		if len(cookies) != 5 || cookies[0] != "c0=0; path=/" || cookies[4] != "c4=4; path=/" {
			t.Errorf("cookies %q", cookies)
		}
		req := php.request("GET", "/env.php", "")
		for i := range 5 {
			req.Header.Set("X-Large-"+string(rune('A'+i)), strings.Repeat("v", 40_000))
		}
		var server map[string]any
		php.json(req, &server)
		for i := range 5 {
			if value, _ := server["HTTP_X_LARGE_"+string(rune('A'+i))].(string); len(value) != 40_000 {
				t.Errorf("header %d has %d bytes", i, len(value))
			}
		}
		req.Header.Set("X-Larger", strings.Repeat("v", 65_000))
		php.json(req, &server)
		req.Header.Set("X-Larger", strings.Repeat("v", 65_536))
		if _, err := php.RoundTrip(req); !errors.Is(err, ErrParamTooLarge) {
			t.Errorf("64 KiB header: %v, want ErrParamTooLarge", err)
		}
	})
}

func TestResponseHeaderIsBounded(t *testing.T) {
	bound := func(o *Options) { o.MaxHeaderBytes = 10 << 10 }
	onPHP(t, bound, func(t *testing.T, php *client) {
		if _, err := php.RoundTrip(php.request("GET", "/headers.php?kb=11", "")); !errors.Is(err, ErrHeaderTooLarge) {
			t.Errorf("error %v, want ErrHeaderTooLarge", err)
		}
	})
}

func TestStatusOfPHP(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		for _, tc := range []struct {
			target, method string
			status         int
			body           string
		}{
			{"/status.php?code=200", "GET", 200, "200\n"},
			{"/status.php?code=404", "GET", 404, "404\n"},
			{"/status.php?code=404", "HEAD", 404, ""},
			{"/status.php?code=302&location=/x", "GET", 302, "302\n"},
			{"/status.php?code=204", "GET", 204, ""},
			{"/status.php?code=304", "GET", 304, ""},
			{"/status.php?code=999", "GET", 999, "999\n"},
		} {
			resp, body := php.fetch(php.request(tc.method, tc.target, ""))
			if resp.StatusCode != tc.status || body != tc.body {
				t.Errorf("%s %s: %d %q", tc.method, tc.target, resp.StatusCode, body)
			}
		}
		if _, err := php.RoundTrip(php.request("GET", "/none.php", "")); !errors.Is(err, ErrNoScript) {
			t.Errorf("missing script: %v", err)
		}
	})
}

func TestStreamedEventsAreNotHeldBack(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		// Endless in practice: it can only be read if each event comes by itself.
		resp, err := php.RoundTrip(php.request("GET", "/stream.php?n=1000000&ms=1", ""))
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for p := make([]byte, 4096); !bytes.Contains(got, []byte("data: 3\n\n")); {
			n, err := resp.Body.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p[:n]...)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("Read after Close: %v", err)
		}
	})
}

func TestBigAnswersArriveWhole(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		for _, query := range []string{"mb=20", "mb=20&length=1"} {
			_, body := php.fetch(php.request("GET", "/big.php?"+query, ""))
			if len(body) != 20<<20 || strings.Trim(body, "0123456789abcdef") != "" {
				t.Errorf("%s: %d bytes", query, len(body))
			}
		}
	})
}

func TestWorkerThatDiesMidAnswerIsNoCleanEnd(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		resp, err := php.RoundTrip(php.request("GET", "/abort.php", ""))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "half of the answer\n" || !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, ErrUnexpectedEnd) {
			t.Errorf("%q, %v", body, err)
		}
		if _, err := php.RoundTrip(php.request("GET", "/abort.php?when=start", "")); !errors.Is(err, ErrUnexpectedEnd) {
			t.Errorf("before the first byte: %v", err)
		}
	})
}

// The request ends on the wire while the page still works: until its pool ends.
func TestFinishedRequestEndsBeforeItsPage(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		journal := filepath.Join(t.TempDir(), "journal")
		resp, body := php.fetch(php.request("GET", "/finish.php?hold=2s&ms=60000&journal="+journal, ""))
		if body != "1\n" || resp.Header.Get("X-Sessiongate") != "hold=2s" {
			t.Errorf("%q, %v", body, resp.Header)
		}
		written, err := os.ReadFile(journal)
		if err != nil || bytes.Contains(written, []byte("end ")) {
			t.Errorf("the page had ended before END_REQUEST: %q, %v", written, err)
		}
	})
}

// The session is written when Body.Read says io.EOF, not when the bytes end.
func TestSessionIsWrittenAtTheEndOfTheBody(t *testing.T) {
	onPHP(t, nil, func(t *testing.T, php *client) {
		cookie := "PHPSESSID=end"
		for want := 1; want <= 3; want++ {
			req := php.request("GET", "/counter.php?early=1&ms=50", "")
			req.Header.Set("Cookie", cookie)
			_, body := php.fetch(req)
			if got := strings.TrimSpace(body); got != string(rune('0'+want)) {
				t.Fatalf("counter %s, want %d", got, want)
			}
		}
	})
}

func TestErrorLogComesLineByLine(t *testing.T) {
	lines := &recorder{}
	collect := func(o *Options) { o.Stderr = lines.add }
	onPHP(t, collect, func(t *testing.T, php *client) {
		lines.clear()
		if _, body := php.fetch(php.request("GET", "/stderr.php?lines=3&bytes=20", "")); body != "ok\n" {
			t.Errorf("body %q", body)
		}
		got := lines.all()
		if len(got) != 3 || got[0] != "PHP message: line 1 xxxxxxxxxxxxx" {
			t.Errorf("lines %q", got)
		}
		lines.clear()
		php.fetch(php.request("GET", "/stderr.php?lines=500&bytes=20", ""))
		if got := lines.all(); len(got) != maxStderrLines+1 || !strings.Contains(got[maxStderrLines], "dropped") {
			t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
		}
	})
}

// client runs requests that are expected to work.
type client struct {
	*Transport
	t    *testing.T
	root string
}

func newClient(t *testing.T, opts Options) *client {
	t.Helper()
	transport, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return &client{transport, t, opts.Root}
}

func (c *client) request(method, target, body string) *http.Request {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, "http://shop.example:8080"+target, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	return req
}

func (c *client) fetch(req *http.Request) (*http.Response, string) {
	c.t.Helper()
	resp, err := c.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		c.t.Fatal(err)
	}
	return resp, string(body)
}

func (c *client) json(req *http.Request, v any) {
	c.t.Helper()
	_, body := c.fetch(req)
	if err := json.Unmarshal([]byte(body), v); err != nil {
		c.t.Fatalf("%v: %q", err, body)
	}
}

// php-fpm gives a worker free when its peer has closed, so the connection must
// not wait for the caller's Close.
func TestWorkerIsFreeOnceTheRequestHasEnded(t *testing.T) {
	pool := fpmtest.Start(t, fpm.Options{Workers: 1})
	php := newClient(t, Options{Address: pool.Address(), Root: pool.Root()})
	for range 3 {
		resp, err := php.RoundTrip(php.request("GET", "/", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
	}
}

// Why params never splits a pair: the specification allows it, PHP drops the
// request.
func TestPHPDropsPairsSplitOverRecords(t *testing.T) {
	pool := fpmtest.Start(t, fpm.Options{})
	var pairs []byte
	for name, value := range map[string]string{"SCRIPT_FILENAME": pool.Root() + "/trivial.php", "REQUEST_METHOD": "GET"} {
		pairs = appendPair(pairs, name, value)
	}
	send := func(records ...[]byte) error {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", pool.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		request := appendBegin(nil)
		for _, content := range append(records, nil) {
			request = appendRecord(request, typeParams, content)
		}
		if _, err := conn.Write(appendRecord(request, typeStdin, nil)); err != nil {
			return err
		}
		_, _, err = readRecord(conn)
		return err
	}
	if err := send(pairs); err != nil {
		t.Errorf("whole pairs: %v", err)
	}
	if err := send(pairs[:10], pairs[10:]); err == nil {
		t.Error("PHP takes split pairs: the limit of ErrParamTooLarge can go")
	}
}
