package clientip

import (
	"net/http"
	"net/netip"
	"strings"
)

// Resolver knows whose word counts. It may be used by any number of goroutines.
type Resolver struct {
	trusted Networks
}

// New returns a resolver that believes peers in these prefixes. Without any it
// believes nobody.
func New(trusted []netip.Prefix) *Resolver {
	return &Resolver{trusted: NewNetworks(trusted)}
}

// Resolve finds the client of a request that came from remoteAddr, which is
// host:port as in http.Request.RemoteAddr, or "", "unix", "@…" or "/…" for a peer
// on a unix socket.
func (r *Resolver) Resolve(remoteAddr string, h http.Header) Client {
	peer := parseHop(remoteAddr)
	c := Client{Addr: peer.Addr(), Port: peer.Port()}
	if !r.TrustsPeer(remoteAddr) {
		c.IgnoredHeader = hasXForwarded(h) || len(h["Forwarded"]) > 0
		return c
	}
	c.Trusted = true
	said := hops{client: r.walk(h["X-Forwarded-For"]), scheme: scheme(h["X-Forwarded-Proto"]), host: lastOf(h["X-Forwarded-Host"])}
	if len(h["Forwarded"]) > 0 && !hasXForwarded(h) {
		said = r.walkForwarded(h["Forwarded"])
		c.Forwarded = true
	}
	c.Scheme, c.Host = said.scheme, said.host
	if said.client.Addr().IsValid() {
		c.Addr, c.Port = said.client.Addr(), said.client.Port()
	}
	return c
}

// TrustsPeer says whether a peer's word counts, by its address as in Resolve.
func (r *Resolver) TrustsPeer(remoteAddr string) bool {
	return r.trusted.ContainsPeer(remoteAddr) || r.trustsUnix(remoteAddr)
}

func (r *Resolver) trustsUnix(remoteAddr string) bool {
	unix := remoteAddr == "" || remoteAddr == "unix" || remoteAddr[0] == '@' || remoteAddr[0] == '/'
	return unix && len(r.trusted) > 0
}

// walk goes through the lines from the right, as if they were one. It ends at
// the first address that is not a trusted proxy's, and before the first entry
// that is no address: whoever wrote that did not know who was before.
func (r *Resolver) walk(lines []string) netip.AddrPort {
	var last netip.AddrPort
	for i := len(lines) - 1; i >= 0; i-- {
		rest, more := lines[i], strings.Trim(lines[i], " \t") != ""
		for more {
			var entry string
			rest, entry, more = cutLast(rest)
			hop := parseHop(entry)
			if !hop.Addr().IsValid() {
				return last
			}
			last = hop
			if !r.trusted.Contains(hop.Addr()) {
				return last
			}
		}
	}
	return last
}

// cutLast splits a list at its last comma.
func cutLast(list string) (before, last string, found bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[:i], strings.Trim(list[i+1:], " \t"), true
	}
	return "", strings.Trim(list, " \t"), false
}

// parseHop reads 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1] and
// [2001:db8::1]:80. The result is invalid for anything else.
func parseHop(s string) netip.AddrPort {
	bracket := strings.HasPrefix(s, "[")
	if bracket && !strings.HasSuffix(s, "]") || strings.Count(s, ":") == 1 {
		hop, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(plain(hop.Addr()), hop.Port())
	}
	if bracket {
		s = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(plain(addr), 0)
}

func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

func hasXForwarded(h http.Header) bool {
	for _, name := range [...]string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"} {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

func scheme(lines []string) string {
	switch last := lastOf(lines); {
	case strings.EqualFold(last, "https"):
		return "https"
	case strings.EqualFold(last, "http"):
		return "http"
	}
	return ""
}

// lastOf is what the trusted peer itself wrote: proxies that do not replace a
// header append to it, and what comes first may be the client's own.
func lastOf(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	_, last, _ := cutLast(lines[len(lines)-1])
	return last
}
