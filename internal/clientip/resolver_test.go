package clientip

import (
	"net/http"
	"net/netip"
	"testing"
)

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func TestForwardedForIsWalkedFromTheRight(t *testing.T) {
	trusted := prefixes("10.0.0.0/8", "2001:db8:1::/48", "::ffff:192.0.2.0/120")
	tests := []struct {
		name  string
		peer  string
		lines []string
		want  string
	}{
		{"no header", "10.0.0.1:1", nil, "10.0.0.1:1"},
		{"one hop", "10.0.0.1:1", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"the client's own word is not used", "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.7"}, "203.0.113.7:0"},
		{"trusted hops are stepped over", "10.0.0.1:1", []string{"203.0.113.7, 10.9.9.9,10.8.8.8"}, "203.0.113.7:0"},
		{"several lines are one", "10.0.0.1:1", []string{"1.1.1.1", "203.0.113.7, 10.9.9.9", "", "10.8.8.8"}, "203.0.113.7:0"},
		{"all trusted: the farthest", "10.0.0.1:1", []string{"10.9.9.9, 10.8.8.8"}, "10.9.9.9:0"},
		{"garbage ends the walk", "10.0.0.1:1", []string{"203.0.113.7, unknown, 10.8.8.8"}, "10.8.8.8:0"},
		{"an empty entry, too", "10.0.0.1:1", []string{"203.0.113.7,, 10.8.8.8"}, "10.8.8.8:0"},
		{"and at the start of a line", "10.0.0.1:1", []string{"203.0.113.7", ",10.8.8.8"}, "10.8.8.8:0"},
		{"garbage nearest", "10.0.0.1:1", []string{"203.0.113.7, x"}, "10.0.0.1:1"},
		{"a port", "10.0.0.1:1", []string{"203.0.113.7:4711"}, "203.0.113.7:4711"},
		{"a wrong port", "10.0.0.1:1", []string{"203.0.113.7:x"}, "10.0.0.1:1"},
		{"IPv6", "10.0.0.1:1", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{"[2001:db8::7]"}, "[2001:db8::7]:0"},
		{"IPv6 and a port", "10.0.0.1:1", []string{"[2001:db8::7]:4711"}, "[2001:db8::7]:4711"},
		{"a bracket left open", "10.0.0.1:1", []string{"[2001:db8::7"}, "10.0.0.1:1"},
		{"no zone", "10.0.0.1:1", []string{"fe80::1%eth0"}, "[fe80::1]:0"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.7"}, "203.0.113.7:0"},
		{"a trusted IPv6 peer", "[2001:db8:1::1]:1", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"a prefix of mapped addresses", "192.0.2.9:1", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"an untrusted peer", "203.0.113.1:1", []string{"10.0.0.2"}, "203.0.113.1:1"},
		{"a unix peer", "@", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"an unnamed unix peer", "", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"a unix peer without the header", "@", nil, "invalid AddrPort"},
		{"a peer that is no address", "nonsense", []string{"203.0.113.7"}, "invalid AddrPort"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New(trusted).Resolve(tt.peer, http.Header{"X-Forwarded-For": tt.lines})
			if got := netip.AddrPortFrom(c.Addr, c.Port).String(); got != tt.want {
				t.Errorf("peer %s, X-Forwarded-For %q: %s, want %s", tt.peer, tt.lines, got, tt.want)
			}
		})
	}
}

func TestOnlyTrustedPeersSetSchemeAndHost(t *testing.T) {
	h := http.Header{"X-Forwarded-Proto": {"http", "HTTPS"}, "X-Forwarded-Host": {"evil.example, shop.example"}}
	trusting := New(prefixes("10.0.0.0/8"))

	c := trusting.Resolve("10.0.0.1:1", h)
	if c.Scheme != "https" || c.Host != "shop.example" || !c.Trusted || c.IgnoredHeader {
		t.Errorf("trusted peer: %+v", c)
	}
	for _, peer := range []string{"203.0.113.1:1", "nonsense"} {
		c = trusting.Resolve(peer, h)
		if c.Scheme != "" || c.Host != "" || c.Trusted || !c.IgnoredHeader {
			t.Errorf("peer %q: %+v", peer, c)
		}
	}
	for _, peer := range []string{"10.0.0.1:1", "", "@", "unix", "/run/gate.sock"} {
		if c = New(nil).Resolve(peer, h); c.Trusted || !c.IgnoredHeader {
			t.Errorf("peer %q, nobody trusted: %+v", peer, c)
		}
	}
	h.Set("X-Forwarded-Proto", "gopher")
	if c = trusting.Resolve("10.0.0.1:1", h); c.Scheme != "" {
		t.Errorf("gopher gave scheme %q", c.Scheme)
	}
	if c = trusting.Resolve("203.0.113.1:1", http.Header{}); c.IgnoredHeader {
		t.Error("no header was sent, yet one was ignored")
	}
}

func TestKeyIsTheAddressOrItsNetwork(t *testing.T) {
	for addr, want := range map[string]string{
		"203.0.113.7":           "203.0.113.7",
		"2001:db8:1:2:3:4:5:6":  "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":   "2001:db8:1:2::/64",
		"2001:db8:1:3:3:4:5:66": "2001:db8:1:3::/64",
	} {
		if got := (Client{Addr: netip.MustParseAddr(addr)}).Key(); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	if got := (Client{}).Key(); got != Unknown {
		t.Errorf("no address: %q, want %q", got, Unknown)
	}
}

func BenchmarkResolve(b *testing.B) {
	r := New(prefixes("10.0.0.0/8"))
	h := http.Header{"X-Forwarded-For": {"203.0.113.7, 10.1.2.3"}, "X-Forwarded-Proto": {"https"}}
	b.ReportAllocs()
	for b.Loop() {
		r.Resolve("10.0.0.1:12345", h)
	}
}
