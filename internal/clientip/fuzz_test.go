package clientip

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// FuzzResolve holds the walk to its promise, told from the other end: whatever
// address comes out, everything right of it in the header, and the peer, is a
// trusted proxy's.
func FuzzResolve(f *testing.F) {
	f.Add("10.0.0.1:1", "203.0.113.7, 10.0.0.2", "10.0.0.3")
	f.Add("@", "a,,b", "[::1]:80")
	f.Add("[::ffff:10.0.0.1]:1", "::ffff:10.0.0.9,fe80::1%x", "10.1.1.1:0")
	f.Add("203.0.113.1:1", "10.0.0.1", "")
	network := netip.MustParsePrefix("10.0.0.0/8")
	r := New([]netip.Prefix{network})

	f.Fuzz(func(t *testing.T, peer, line1, line2 string) {
		h := http.Header{"X-Forwarded-For": {line1, line2}, "X-Forwarded-Proto": {line2}}
		c := r.Resolve(peer, h)
		if c.Addr.Zone() != "" || c.Addr.Is4In6() {
			t.Fatalf("%v has a zone or hides an IPv4 address", c.Addr)
		}
		if c.Scheme != "" && c.Scheme != "http" && c.Scheme != "https" {
			t.Fatalf("scheme %q", c.Scheme)
		}
		if !c.Trusted {
			own := r.Resolve(peer, nil)
			if c.Addr != own.Addr || c.Port != own.Port || c.Scheme != "" || !c.IgnoredHeader {
				t.Fatalf("an untrusted peer's headers changed %+v into %+v", own, c)
			}
			return
		}
		if !vouchedFor(c.Addr, r.Resolve(peer, nil).Addr, []string{line1, line2}, network) {
			t.Fatalf("peer %q, %q, %q: %v was not reported by a trusted hop", peer, line1, line2, c.Addr)
		}
	})
}

// vouchedFor looks for addr in the header with nothing but trusted hops behind.
func vouchedFor(addr, peer netip.Addr, lines []string, network netip.Prefix) bool {
	if addr == peer {
		return true
	}
	var entries []string
	for _, line := range lines {
		if strings.Trim(line, " \t") != "" {
			entries = append(entries, strings.Split(line, ",")...)
		}
	}
	for i := len(entries) - 1; i >= 0; i-- {
		hop := parseHop(strings.Trim(entries[i], " \t")).Addr()
		if hop.IsValid() && hop == addr {
			return true
		}
		if !network.Contains(hop) {
			return false
		}
	}
	return false
}

func FuzzKeyOfOneNetwork(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), []byte("ABCDEFGH"))
	f.Fuzz(func(t *testing.T, raw, host []byte) {
		if len(raw) != 16 || len(host) != 8 {
			return
		}
		a := Client{Addr: netip.AddrFrom16([16]byte(raw))}
		b := Client{Addr: netip.AddrFrom16([16]byte(append(raw[:8:8], host...)))}
		if a.Addr.Is4In6() || b.Addr.Is4In6() {
			return // never in a Client
		}
		if a.Key() != b.Key() || a.Key() == "" {
			t.Fatalf("%v and %v are in one /64, but their keys are %q and %q", a.Addr, b.Addr, a.Key(), b.Key())
		}
	})
}
