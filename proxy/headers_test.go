package proxy

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/clientip"
)

// upstreamHeader is what the upstream sees of a request with these headers.
func upstreamHeader(t *testing.T, trusted []netip.Prefix, in http.Header) http.Header {
	t.Helper()
	r := newRequest()
	r.RemoteAddr, r.Header = "192.0.2.7:4711", in
	oneReading(r)
	x := &exchange{r: r, record: &record{requestID: "id", setup: &setup{Setup: Setup{Clients: clientip.New(trusted)}}}}
	x.read()
	return x.requestHeader()
}

// The log, the application and what counts clients speak of the same one; of an
// IPv6 address it is the site's network that counts.
func TestAClientHasOneAddressAndIsCountedByIt(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct{ remote, said, address, counted, chain, forwarded string }{
		{"192.0.2.7:1", "", "192.0.2.7", "192.0.2.7", "192.0.2.7", "for=192.0.2.7"},
		{"[::ffff:192.0.2.7]:1", "", "192.0.2.7", "192.0.2.7", "192.0.2.7", "for=192.0.2.7"},
		{"[2001:db8::7]:1", "", "2001:db8::7", "2001:db8::/64", "2001:db8::7", `for="[2001:db8::7]"`},
		{"[fe80::7%eth0]:1", "", "fe80::7", "fe80::/64", "fe80::7", `for="[fe80::7]"`},
		{"@", "", "", "unknown", "unknown", "for=unknown"},
		{"@", "192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.7, unknown", "for=192.0.2.7"},
		{"10.0.0.1:1", "", "10.0.0.1", "10.0.0.1", "10.0.0.1", "for=10.0.0.1"},
		{"10.0.0.1:1", "2001:db8::7", "2001:db8::7", "2001:db8::/64", "2001:db8::7, 10.0.0.1", `for="[2001:db8::7]"`},
		{"192.0.2.7:1", "10.0.0.9", "192.0.2.7", "192.0.2.7", "192.0.2.7", "for=192.0.2.7"},
	} {
		r := newRequest()
		r.RemoteAddr = c.remote
		if c.said != "" {
			r.Header.Set("X-Forwarded-For", c.said)
		}
		x := &exchange{r: r, record: &record{setup: &setup{Setup: Setup{Clients: clientip.New(trusted)}}}}
		x.read()
		out := x.requestHeader()
		forwarded, _, _ := strings.Cut(out.Get("Forwarded"), ";")
		if x.address != c.address || x.clientID != c.counted || out.Get("X-Forwarded-For") != c.chain || forwarded != c.forwarded {
			t.Errorf("from %s, who said %q: address %q, counted as %q, X-Forwarded-For %q, Forwarded %q; want %+v", c.remote, c.said, x.address, x.clientID, out.Get("X-Forwarded-For"), forwarded, c)
		}
	}
}

func TestHeadersThatMustNotPass(t *testing.T) {
	in := http.Header{"Accept": {"*/*"}, "X-Custom": {"a", "b"}, "Connection": {"close, X-Hop"}}
	for _, name := range []string{
		"X-Hop", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Authorization", "Proxy-Connection",
		"Proxy", "X-Original-Url", "X-Rewrite-Url", "Expect", "Forwarded", "X-Real-Ip", "X-Sendfile-Type", "X-Accel-Mapping",
		"X_forwarded_for", "X.forwarded.for", "X_request_id", "X-Request-Id", "X-Sessiongate", "X-Sessiongate-Fence",
	} {
		in[name] = []string{"evil"}
	}
	out := upstreamHeader(t, nil, in)
	for name, values := range out {
		for _, v := range values {
			if v == "evil" {
				t.Errorf("%s passes", name)
			}
		}
	}
	if out.Get("X-Custom") != "a, b" || out.Get("Accept") != "*/*" {
		t.Errorf("ordinary headers are lost: %v", out)
	}
	if out["User-Agent"] != nil {
		t.Errorf("a User-Agent appears from nowhere: %v", out["User-Agent"])
	}
}

// Of two lines a server may take the first, the last or both: nginx 1.22 hands
// PHP the last one. Rules, and whoever looks for the session, read all of them.
func TestAHeaderArrivesInTheLineThatRulesHaveRead(t *testing.T) {
	for name, want := range map[string]string{"Cookie": "one; two", "X-Custom": "one, two", "Content-Type": "one, two", "User-Agent": "one, two", "X-Http-Method-Override": "one, two"} {
		got := upstreamHeader(t, nil, http.Header{name: {"one", "two"}})[name]
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s in two lines arrives as %q, want %q", name, got, want)
		}
	}
}

func TestForwardingHeadersAreWrittenAnew(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	said := http.Header{"X-Forwarded-Port": {"8443"}, "X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"shop.example"}}
	for _, c := range []struct {
		name             string
		trusted          []netip.Prefix
		in               http.Header
		from, how, where string
		port             string
	}{
		{"nothing said", nil, http.Header{}, "192.0.2.7", "http", "shop.example", ""},
		{"said by anybody", nil, said, "192.0.2.7", "http", "shop.example", ""},
		{"said by a trusted proxy", proxies, said, "203.0.113.9, 192.0.2.7", "https", "shop.example", "8443"},
	} {
		out := upstreamHeader(t, c.trusted, c.in)
		if out.Get("X-Forwarded-For") != c.from || out.Get("X-Forwarded-Proto") != c.how || out.Get("X-Forwarded-Host") != c.where || out.Get("X-Forwarded-Port") != c.port {
			t.Errorf("%s: %v", c.name, out)
		}
	}
}

func TestForwardedSaysTheSameInTheStandardsWords(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, c := range []struct {
		name       string
		in         http.Header
		want, from string
	}{
		{"nothing said", http.Header{}, "for=192.0.2.7;host=shop.example;proto=http", "192.0.2.7"},
		{"an address", http.Header{"X-Forwarded-For": {"1.1.1.1, 203.0.113.9"}}, "for=203.0.113.9;host=shop.example;proto=http", "1.1.1.1, 203.0.113.9, 192.0.2.7"},
		{"IPv6 and a port", http.Header{"X-Forwarded-For": {"2001:db8::7"}, "X-Forwarded-Host": {"a.example:8443"}}, `for="[2001:db8::7]";host="a.example:8443";proto=http`, "2001:db8::7, 192.0.2.7"},
		{"a host that is none", http.Header{"X-Forwarded-Host": {`a";for=6.6.6.6`}}, "for=192.0.2.7;proto=http", "192.0.2.7"},
		{"Forwarded", http.Header{"Forwarded": {`for=1.1.1.1, for="[2001:db8::7]:4711";proto=https;host=b.example, for=192.0.2.3`}}, `for="[2001:db8::7]";host=b.example;proto=https`, "2001:db8::7, 192.0.2.7"},
		{"both", http.Header{"Forwarded": {"for=6.6.6.6;proto=https"}, "X-Forwarded-For": {"203.0.113.9"}}, "for=203.0.113.9;host=shop.example;proto=http", "203.0.113.9, 192.0.2.7"},
	} {
		out := upstreamHeader(t, proxies, c.in)
		if got := out["Forwarded"]; len(got) != 1 || got[0] != c.want || out.Get("X-Forwarded-For") != c.from {
			t.Errorf("%s: %q and %q, want %q and %q", c.name, got, out.Get("X-Forwarded-For"), c.want, c.from)
		}
	}
}

// HAProxy passes the client's Connection on: what it names must not take away
// what the proxy says.
func TestConnectionDoesNotDeleteATrustedProxysWord(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	said := map[string]string{
		"X-Forwarded-For": "198.51.100.1, 192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example", "X-Forwarded-Port": "8443",
		"Forwarded": "for=198.51.100.1;host=a.example;proto=https", "X-Real-Ip": "198.51.100.1", "X-Sendfile-Type": "X-Accel-Redirect",
		"X-Country": "XX", "Authorization": "Basic eA==", "Content-Type": "text/plain", "Cookie": "PHPSESSID=one",
	}
	for name, want := range said {
		in := http.Header{"Connection": {"keep-alive, " + name, "Forwarded"}}
		for name, value := range said {
			in[name] = []string{value}
		}
		in["X-Forwarded-For"] = []string{"198.51.100.1"}
		in["Forwarded"] = []string{"for=203.0.113.7;proto=http;host=evil.test"} // the client's
		if got := upstreamHeader(t, proxies, in).Get(name); got != want {
			t.Errorf("Connection names %s: %q arrives, want %q", name, got, want)
		}
	}
}

func TestAnswersKeepTheirHeaders(t *testing.T) {
	to := http.Header{}
	copyResponseHeader(to, http.Header{
		"Set-Cookie": {"a=1", "b=2"}, "Location": {"/x"}, "Connection": {"X-Hop"}, "X-Hop": {"1"},
		"Keep-Alive": {"timeout=5"}, "X-Sessiongate": {"release"},
	})
	if len(to["Set-Cookie"]) != 2 || to.Get("Location") != "/x" {
		t.Errorf("lost: %v", to)
	}
	for _, name := range []string{"Connection", "X-Hop", "Keep-Alive", "X-Sessiongate"} {
		if _, ok := to[name]; ok {
			t.Errorf("%s passes", name)
		}
	}
	if v, ok := to["Content-Type"]; !ok || v != nil {
		t.Errorf("net/http may guess a Content-Type: %v", v)
	}
}
