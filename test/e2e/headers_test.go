package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// environment is what PHP sees in $_SERVER.
func environment(t *testing.T, a answer) map[string]any {
	t.Helper()
	var env map[string]any
	if err := json.Unmarshal([]byte(a.want(t, 200).body), &env); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return env
}

func wantEnvironment(t *testing.T, env, want map[string]any) {
	t.Helper()
	for name, value := range want {
		if env[name] != value {
			t.Errorf("%s = %q, want %q", name, env[name], value)
		}
	}
}

func TestHeadersThatPoseAsOthersNeverReachPHP(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	c := g.dial(t)
	c.ask(t, "GET", "/env.php", "one",
		"Proxy: evil", "proxy: evil", "X_Forwarded_For: evil", "X.Forwarded.For: evil", "Content_Length: evil", "X-Original-URL: /evil", "X-Rewrite-URL: /evil",
		"X-Sessiongate: evil", "x-sessiongate-key: evil", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
		"X-Forwarded-Server: evil", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6", "Connection: close, X-Hop", "X-Hop: evil", "Proxy-Authorization: evil", "TE: evil", "Good-Header: fine")
	a := c.answer(t)
	for name, value := range environment(t, a) {
		if text, ok := value.(string); ok && strings.HasPrefix(name, "HTTP_") && (strings.Contains(text, "evil") || strings.Contains(text, "6.6.6.6")) {
			t.Errorf("PHP got %s = %q", name, text)
		}
	}
	wantEnvironment(t, environment(t, a), map[string]any{
		"HTTP_GOOD_HEADER": "fine", "HTTP_PROXY": nil, "REMOTE_ADDR": "127.0.0.1", "HTTPS": nil, "REQUEST_SCHEME": "http",
		"HTTP_X_FORWARDED_FOR": "127.0.0.1", "HTTP_X_FORWARDED_HOST": "gate.test", "HTTP_X_FORWARDED_PROTO": "http", "HTTP_CONNECTION": nil, "HTTP_X_HOP": nil,
	})
	if n := g.metric(t, "ignored_forwarding_headers_total"); n != 1 {
		t.Errorf("ignored_forwarding_headers_total is %v, want 1", n)
	}
}

func TestATrustedProxyIsBelieved(t *testing.T) {
	pool := startPHP(t, 2)
	ask := func(t *testing.T, g *gate) map[string]any {
		t.Helper()
		c := g.dial(t)
		c.ask(t, "GET", "/env.php", "one", "X-Forwarded-For: 6.6.6.6, 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example")
		return environment(t, c.answer(t))
	}
	t.Run("on TCP", func(t *testing.T) {
		env := ask(t, startGate(t, inFrontOf(pool), "server: {trusted_proxies: [127.0.0.0/8]}"))
		wantEnvironment(t, env, map[string]any{
			"REMOTE_ADDR": "192.0.2.7", "HTTPS": "on", "REQUEST_SCHEME": "https", "HTTP_HOST": "gate.test",
			"HTTP_X_FORWARDED_FOR": "6.6.6.6, 192.0.2.7", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "shop.example",
		})
	})
	t.Run("another one is not", func(t *testing.T) {
		env := ask(t, startGate(t, inFrontOf(pool), "server: {trusted_proxies: [10.0.0.0/8]}"))
		wantEnvironment(t, env, map[string]any{"REMOTE_ADDR": "127.0.0.1", "HTTPS": nil, "HTTP_X_FORWARDED_FOR": "127.0.0.1"})
	})
}

func TestPHPSeesTheRequestAsTheClientWroteIt(t *testing.T) {
	pool := startPHP(t, 2)
	g := startGate(t, inFrontOf(pool), "upstream: {params: [{name: MAGE_RUN_CODE, value: shop}]}")
	c := g.dial(t)
	c.write(t, "GET /env.php/a%20b//c?x=1&y=%41;z&&q HTTP/1.1\r\nHost: Shop.Example:8443\r\nCookie: a=1\r\nCookie: PHPSESSID=one\r\nCookie: b=2\r\nAccept: x\r\nAccept: y\r\n\r\n")
	env := environment(t, c.answer(t))
	wantEnvironment(t, env, map[string]any{
		"REQUEST_METHOD": "GET", "REQUEST_URI": "/env.php/a%20b//c?x=1&y=%41;z&&q", "QUERY_STRING": "x=1&y=%41;z&&q", "HTTP_HOST": "Shop.Example:8443",
		"HTTP_COOKIE": "a=1; PHPSESSID=one; b=2", "HTTP_ACCEPT": "x, y", "SCRIPT_NAME": "/env.php", "SCRIPT_FILENAME": pool.Root() + "/env.php",
		"DOCUMENT_ROOT": pool.Root(), "MAGE_RUN_CODE": "shop", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "sessiongate/e2e", "REDIRECT_STATUS": "200",
	})
	if !strings.HasPrefix(fmt.Sprint(env["PATH_INFO"]), "/a b") {
		t.Errorf("PATH_INFO = %q", env["PATH_INFO"])
	}

	c.write(t, "GET http://shop.example/env.php?q HTTP/1.1\r\nHost: other.example\r\n\r\n")
	wantEnvironment(t, environment(t, c.answer(t)), map[string]any{"REQUEST_URI": "/env.php?q", "HTTP_HOST": "shop.example"})
}

func TestRequestTargetsThatAreNoPathAreRefused(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "rules: [{name: closed, match: {path: [/env.php]}, action: reject}]")
	for _, target := range []string{"http:env.php", "x:env.php", "*", "http:/../env.php"} {
		t.Run(target, func(t *testing.T) {
			c := g.dial(t)
			c.write(t, "GET "+target+" HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n")
			if a := c.answer(t); a.status < 400 {
				t.Errorf("got %d %q", a.status, a.body)
			}
		})
	}
	for _, target := range []string{"/env.php", "//env.php", "/./env.php", "/x/../env.php", "/%65nv.php", "/x%2f..%2fenv.php", "http://h/env.php"} {
		c := g.dial(t)
		c.write(t, "GET "+target+" HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n")
		c.answer(t).wantRefusal(t, http.StatusForbidden, "rule")
	}
}

func TestLargeHeadersPassBothWays(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	c := g.dial(t)
	value := strings.Repeat("v", 60<<10)
	c.ask(t, "GET", "/env.php", "one", "X-Large: "+value)
	if env := environment(t, c.answer(t)); env["HTTP_X_LARGE"] != value {
		t.Errorf("PHP got %d bytes of the header", len(fmt.Sprint(env["HTTP_X_LARGE"])))
	}
	c.ask(t, "GET", "/headers.php?kb=100&cookies=3", "one")
	a := c.answer(t).want(t, 200)
	if len(a.header["X-Fill-99"]) != 1 || len(a.header["X-Fill-99"][0]) != 1000 {
		t.Error("large response headers were lost")
	}
	if got := fmt.Sprint(a.header["Set-Cookie"]); got != "[c0=0; path=/ c1=1; path=/ c2=2; path=/]" {
		t.Errorf("Set-Cookie: %s", got)
	}
}

func TestStatusesOfPHPPass(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	for _, code := range []int{201, 204, 301, 302, 304, 404, 429, 500, 503, 599} {
		a := g.get(t, fmt.Sprintf("/status.php?code=%d&location=/x", code), "one").want(t, code)
		if a.header.Get("Location") != "/x" {
			t.Errorf("%d: Location %q", code, a.header.Get("Location"))
		}
	}
	head := g.do(request(t, "HEAD", "/counter.php", "one", nil)).want(t, 200)
	if head.body != "" || head.header.Get("Content-Length") != "2" {
		t.Errorf("HEAD: body %q, header %v", head.body, head.header)
	}
	g.do(request(t, "OPTIONS", "/env.php", "one", nil)).want(t, 200)
	up := request(t, "GET", "/env.php", "one", nil)
	up.Header.Set("Connection", "Upgrade")
	up.Header.Set("Upgrade", "websocket")
	g.do(up).wantRefusal(t, http.StatusNotImplemented, "upgrade_unsupported")
}

// Of two requests of a session the later one's fence is greater, and nobody
// outside can make one up.
func TestFencesRise(t *testing.T) {
	overHTTP := inFrontOfHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"HTTP_X_SESSIONGATE_FENCE": %q}`, strings.Join(r.Header["X-Sessiongate-Fence"], "|"))
	})
	for name, g := range map[string]*gate{"FastCGI": startGate(t, inFrontOf(startPHP(t, 2))), "HTTP": overHTTP} {
		last := ""
		for range 3 {
			c := g.dial(t)
			c.ask(t, "GET", "/env.php", "one", "X-Sessiongate-Fence: 99999999999999999999")
			fence, _ := environment(t, c.answer(t))["HTTP_X_SESSIONGATE_FENCE"].(string)
			if len(fence) != 16 || fence <= last { // microseconds since 1970, until 2286
				t.Errorf("%s: fence %q after %q", name, fence, last)
			}
			last = fence
		}
	}
}
