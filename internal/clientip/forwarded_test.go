package clientip

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestForwardedIsWalkedFromTheRight(t *testing.T) {
	trusted := prefixes("10.0.0.0/8", "2001:db8:1::/48")
	for _, tt := range []struct {
		name         string
		lines        []string
		addr         string
		scheme, host string
	}{
		{"one hop", []string{`for=203.0.113.7;proto=https;host=shop.example`}, "203.0.113.7:0", "https", "shop.example"},
		{"names and schemes in any case", []string{`For=203.0.113.7;PROTO=HTTPS;Host=Shop.example`}, "203.0.113.7:0", "https", "Shop.example"},
		{"the client's own word is not used", []string{`for=1.1.1.1;proto=https;host=evil, for=203.0.113.7;proto=http`}, "203.0.113.7:0", "http", ""},
		{"trusted hops are stepped over, the farthest says how", []string{`for=203.0.113.7;proto=https;host=shop.example,for=10.9.9.9;proto=http;host=inner`}, "203.0.113.7:0", "https", "shop.example"},
		{"or the nearest that says so", []string{`for=203.0.113.7, for=10.9.9.9;proto=https`}, "203.0.113.7:0", "https", ""},
		{"several lines are one", []string{`for=1.1.1.1`, `for=203.0.113.7, for=10.9.9.9`, "", `for=10.8.8.8`}, "203.0.113.7:0", "", ""},
		{"all trusted: the farthest", []string{`for=10.9.9.9, for=10.8.8.8`}, "10.9.9.9:0", "", ""},
		{"a port", []string{`for="203.0.113.7:4711"`}, "203.0.113.7:4711", "", ""},
		{"a port without quotes", []string{`for=203.0.113.7:4711`}, "203.0.113.7:4711", "", ""},
		{"a made-up port", []string{`for="203.0.113.7:_p.1-x"`}, "203.0.113.7:0", "", ""},
		{"IPv6", []string{`for="[2001:db8::7]"`}, "[2001:db8::7]:0", "", ""},
		{"IPv6 and a port", []string{`for="[2001:db8::7]:4711"`}, "[2001:db8::7]:4711", "", ""},
		{"IPv6 and a made-up port", []string{`for="[2001:db8::7]:_web"`}, "[2001:db8::7]:0", "", ""},
		{"IPv6 without quotes", []string{`for=[2001:db8::7]`}, "[2001:db8::7]:0", "", ""},
		{"a trusted IPv6 hop", []string{`for=203.0.113.7, for="[2001:db8:1::9]"`}, "203.0.113.7:0", "", ""},
		{"IPv4 in IPv6", []string{`for="[::ffff:203.0.113.7]"`}, "203.0.113.7:0", "", ""},
		{"unknown ends the walk", []string{`for=1.1.1.1, for=unknown;proto=https, for=10.8.8.8`}, "10.8.8.8:0", "https", ""},
		{"unknown with a port", []string{`for=1.1.1.1, for="unknown:4711", for=10.8.8.8`}, "10.8.8.8:0", "", ""},
		{"a made-up name, too", []string{`for=1.1.1.1, for=_hidden, for=10.8.8.8`}, "10.8.8.8:0", "", ""},
		{"a made-up name next to the gate", []string{`for=1.1.1.1, for="_SEVKISEK:4711"`}, "10.0.0.1:1", "", ""},
		{"no for", []string{`for=1.1.1.1, by=10.8.8.8;proto=https`}, "10.0.0.1:1", "https", ""},
		{"an extension", []string{`for=203.0.113.7;secret="a,b;c\"d"`}, "203.0.113.7:0", "", ""},
		{"a quoted comma", []string{`for=1.1.1.1, for=203.0.113.7;host="a,for=2.2.2.2"`}, "203.0.113.7:0", "", "a,for=2.2.2.2"},
		{"escapes", []string{`for="203\.0.113.7"`}, "203.0.113.7:0", "", ""},
		{"a quote that the client left open", []string{`for="1.1.1.1, for=203.0.113.7;proto=https`}, "203.0.113.7:0", "https", ""},
		{"on a line of its own", []string{`for="1.1.1.1`, `for=203.0.113.7`}, "203.0.113.7:0", "", ""},
		{"with a backslash", []string{`for="1.1.1.1\, for=203.0.113.7`}, "203.0.113.7:0", "", ""},
		{"twice for", []string{`for=1.1.1.1;for=203.0.113.7`}, "10.0.0.1:1", "", ""},
		{"garbage", []string{`203.0.113.7`}, "10.0.0.1:1", "", ""},
		{"a space around =", []string{`for = 203.0.113.7`}, "10.0.0.1:1", "", ""},
		{"a semicolon at the end", []string{`for=203.0.113.7;`}, "10.0.0.1:1", "", ""},
		{"nothing", []string{``}, "10.0.0.1:1", "", ""},
		{"an empty element", []string{`for=203.0.113.7,, for=10.8.8.8`}, "10.8.8.8:0", "", ""},
		{"another scheme", []string{`for=203.0.113.7;proto=gopher`}, "203.0.113.7:0", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := New(trusted).Resolve("10.0.0.1:1", http.Header{"Forwarded": tt.lines})
			if got := netip.AddrPortFrom(c.Addr, c.Port).String(); got != tt.addr || c.Scheme != tt.scheme || c.Host != tt.host || !c.Forwarded {
				t.Errorf("%q: %+v, want %s %q %q", tt.lines, c, tt.addr, tt.scheme, tt.host)
			}
		})
	}
}

func TestXForwardedComesBeforeForwarded(t *testing.T) {
	r := New(prefixes("10.0.0.0/8"))
	for name, value := range map[string]string{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.example"} {
		c := r.Resolve("10.0.0.1:1", http.Header{"Forwarded": {"for=6.6.6.6;proto=https;host=evil"}, name: {value}})
		if c.Addr.String() == "6.6.6.6" || c.Scheme == "https" || c.Host == "evil" || c.Forwarded {
			t.Errorf("%s and Forwarded: %+v", name, c)
		}
	}
}

func TestForwardedOfAnybodyElseIsIgnored(t *testing.T) {
	for _, peer := range []string{"203.0.113.1:1", "unknown", "nonsense"} {
		c := New(prefixes("10.0.0.0/8")).Resolve(peer, http.Header{"Forwarded": {"for=6.6.6.6;proto=https;host=evil"}})
		if c.Trusted || c.Scheme != "" || c.Host != "" || c.Addr.String() == "6.6.6.6" || !c.IgnoredHeader {
			t.Errorf("%s: %+v", peer, c)
		}
	}
}

// FuzzForwarded holds the walk to its promise: what proxies of ours append
// decides, whatever the client wrote before.
func FuzzForwarded(f *testing.F) {
	f.Add(`for="`, "shop.example")
	f.Add(`for=1.1.1.1\`, `a"b\`)
	f.Add(`,;="\,"`, "")
	r := New(prefixes("10.0.0.0/8"))
	f.Fuzz(func(t *testing.T, client, host string) {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(host)
		line := client + `, for=203.0.113.7;proto=https;host="` + quoted + `", for=10.1.1.1`
		c := r.Resolve("10.0.0.1:1", http.Header{"Forwarded": {line}})
		if c.Addr.String() != "203.0.113.7" || c.Scheme != "https" || c.Host != host {
			t.Fatalf("%q: %+v", line, c)
		}
		r.Resolve("10.0.0.1:1", http.Header{"Forwarded": {client, host}}) // whatever comes of it
	})
}
