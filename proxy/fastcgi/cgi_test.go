package fastcgi

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// variables are what PHP would see of a request.
func variables(t *testing.T, opts Options, req *http.Request, script Script) map[string]string {
	t.Helper()
	opts.Address, opts.Root = "127.0.0.1:9000", "/srv/www/"
	transport, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	p := params{open: -1, fixed: transport.fixed}
	if err := transport.encodeParams(&p, req, script); err != nil {
		t.Fatal(err)
	}
	vars := make(map[string]string)
	for name, values := range decodeParams(t, p.buf) {
		if len(values) != 1 {
			t.Errorf("%s is sent %d times", name, len(values))
		}
		vars[name] = values[0]
	}
	return vars
}

func expect(t *testing.T, vars, want map[string]string, absent ...string) {
	t.Helper()
	for name, value := range want {
		if got, ok := vars[name]; !ok || got != value {
			t.Errorf("%s = %q (%v), want %q", name, got, ok, value)
		}
	}
	for _, name := range absent {
		if got, ok := vars[name]; ok {
			t.Errorf("%s = %q, want it absent", name, got)
		}
	}
}

func TestVariablesOfARequest(t *testing.T) {
	req := httptest.NewRequest("POST", "/shop/a%2Fb?x=%31&y", http.NoBody)
	req.Host, req.RemoteAddr, req.ContentLength = "Shop.Example:8443", "192.0.2.1:4711", 12
	req.Header.Set("Content-Type", "text/plain")
	req.Header.Set("Content-Length", "12")
	vars := variables(t, Options{ServerSoftware: "sessiongate/1.2"}, req, Script{Name: "/index.php", PathInfo: "/more"})
	expect(t, vars, map[string]string{
		"REQUEST_METHOD": "POST", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_URI": "/shop/a%2Fb?x=%31&y", "QUERY_STRING": "x=%31&y",
		"DOCUMENT_ROOT": "/srv/www", "SCRIPT_FILENAME": "/srv/www/index.php", "SCRIPT_NAME": "/index.php",
		"DOCUMENT_URI": "/index.php/more", "PATH_INFO": "/more", "PATH_TRANSLATED": "/srv/www/more",
		"CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "12", "REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "4711",
		"SERVER_NAME": "Shop.Example", "SERVER_PORT": "80", "HTTP_HOST": "Shop.Example:8443", "REQUEST_SCHEME": "http",
		"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "sessiongate/1.2", "REDIRECT_STATUS": "200",
	}, "HTTPS", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "REMOTE_USER")
}

func TestVariablesOfAGivenEnv(t *testing.T) {
	req := httptest.NewRequest("GET", "/rewritten", http.NoBody)
	req = req.WithContext(WithEnv(req.Context(), Env{
		RemoteAddr: netip.MustParseAddr("2001:db8::1"), RemotePort: 5, ServerAddr: netip.MustParseAddr("10.0.0.1"),
		ServerName: "shop", HTTPS: true, RequestURI: "/asked?for=it", Fence: 77, Loopback: "token",
	}))
	req.Header.Set("X-Sessiongate-Fence", "99")
	req.Header.Set("X-Sessiongate-Loopback", "from outside")
	req.Header.Set("X-Sessiongate", "release")
	expect(t, variables(t, Options{}, req, Script{Name: "/index.php"}), map[string]string{
		"REMOTE_ADDR": "2001:db8::1", "REMOTE_PORT": "5", "SERVER_ADDR": "10.0.0.1", "SERVER_PORT": "443", "SERVER_NAME": "shop",
		"HTTPS": "on", "REQUEST_SCHEME": "https", "REQUEST_URI": "/asked?for=it", "HTTP_X_SESSIONGATE_FENCE": "77", "HTTP_X_SESSIONGATE_LOOPBACK": "token", "PATH_INFO": "",
	}, "PATH_TRANSLATED", "HTTP_X_SESSIONGATE")
}

func TestVariablesDerivedFromTheConnection(t *testing.T) {
	req := httptest.NewRequest("GET", "/", http.NoBody)
	req.TLS, req.RemoteAddr, req.Host = &tls.ConnectionState{}, "@", ""
	expect(t, variables(t, Options{}, req, Script{Name: "/index.php"}), map[string]string{
		"HTTPS": "on", "SERVER_PORT": "443", "REMOTE_ADDR": "", "CONTENT_LENGTH": "", "CONTENT_TYPE": "", "SERVER_NAME": "",
	}, "REMOTE_PORT", "HTTP_HOST")
}

func TestHeadersThatPHPMustNotSee(t *testing.T) {
	req := httptest.NewRequest("GET", "/", http.NoBody)
	req.Header = http.Header{
		"Proxy": {"x"}, "Transfer-Encoding": {"chunked"}, "X-Original-Url": {"/admin"}, "X-Rewrite-Url": {"/admin"},
		"X_forwarded_for": {"x"}, "X.real.ip": {"x"}, "X-Sp ace": {"x"}, "Ümlaut": {"x"}, "": {"x"}, "x-sessiongate-hold": {"x"},
		"X-Nul": {"a\x00b"}, "X-Line": {"a\nb"}, "X-Return": {"a", "b\rc"}, "X-None": {}, "X-Good": {"g"},
	}
	vars := variables(t, Options{}, req, Script{Name: "/index.php"})
	for name := range vars {
		if len(name) > 5 && name[:5] == "HTTP_" && name != "HTTP_HOST" && name != "HTTP_X_GOOD" {
			t.Errorf("%s = %q was passed on", name, vars[name])
		}
	}
	expect(t, vars, map[string]string{"HTTP_X_GOOD": "g"})
}

func TestRepeatedHeadersAreJoined(t *testing.T) {
	req := httptest.NewRequest("GET", "/", http.NoBody)
	req.Header = http.Header{"Accept": {"a", "b", "c"}, "Cookie": {"a=1", "b=2"}, "X-Empty": {""}}
	expect(t, variables(t, Options{}, req, Script{Name: "/index.php"}), map[string]string{
		"HTTP_ACCEPT": "a, b, c", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_EMPTY": "",
	})
}

func TestForwardedForEndsWithTheClient(t *testing.T) {
	for _, c := range []struct{ name, chain, client, want string }{
		{"straight from the client", "203.0.113.9", "203.0.113.9", "203.0.113.9"},
		{"behind a proxy", "203.0.113.9, 10.0.0.1", "203.0.113.9", "203.0.113.9"},
		{"behind two", "203.0.113.9,10.0.0.1, 10.0.0.2", "203.0.113.9", "203.0.113.9"},
		{"before the client", "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9", "6.6.6.6, 203.0.113.9"},
		{"the client twice", "203.0.113.9, 6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9", "203.0.113.9, 6.6.6.6, 203.0.113.9"},
		{"another spelling", "2001:DB8:0::7, unknown", "2001:db8::7", "2001:DB8:0::7"},
		{"IPv4 in IPv6", "::ffff:203.0.113.9, unknown", "203.0.113.9", "::ffff:203.0.113.9"},
		{"with a port", "203.0.113.9:4711, [2001:db8::7]:80", "203.0.113.9", "203.0.113.9:4711"},
		{"no client in it", "10.0.0.1, , unknown", "203.0.113.9", "10.0.0.1, , unknown"},
		{"nothing", "", "203.0.113.9", ""},
	} {
		req := httptest.NewRequest("GET", "/", http.NoBody)
		req = req.WithContext(WithEnv(req.Context(), Env{RemoteAddr: netip.MustParseAddr(c.client)}))
		req.Header.Set("X-Forwarded-For", c.chain)
		if got := variables(t, Options{}, req, Script{Name: "/index.php"})["HTTP_X_FORWARDED_FOR"]; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestConfiguredParamsWin(t *testing.T) {
	req := httptest.NewRequest("GET", "/", http.NoBody)
	req.Header.Set("X-Shop", "visitor's")
	opts := Options{Params: []Param{{"MAGE_RUN_CODE", "shop"}, {"SERVER_NAME", "fixed"}, {"HTTP_X_SHOP", "ours"}, {"SERVER_SOFTWARE", "s"}, {"HTTPS", ""}}}
	expect(t, variables(t, opts, req, Script{Name: "/index.php"}), map[string]string{
		"MAGE_RUN_CODE": "shop", "SERVER_NAME": "fixed", "HTTP_X_SHOP": "ours", "SERVER_SOFTWARE": "s", "HTTPS": "",
	})
}

func TestHostnames(t *testing.T) {
	for host, want := range map[string]string{"a": "a", "a:1": "a", "[::1]": "[::1]", "[::1]:80": "[::1]", "": "", ":80": ""} {
		if got := hostname(host); got != want {
			t.Errorf("hostname(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestRequestTargets(t *testing.T) {
	for target, want := range map[string]string{"/a?b": "/a?b", "http://h/a%20?b": "/a%20?b", "*": "*", "http://h": "/"} {
		req := httptest.NewRequest("GET", "/", http.NoBody)
		req.RequestURI = target
		if target != "*" {
			req.URL = httptest.NewRequest("GET", target, http.NoBody).URL
		}
		if got := requestURI(req, Env{}); got != want {
			t.Errorf("requestURI of %q = %q, want %q", target, got, want)
		}
	}
}
