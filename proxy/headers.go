package proxy

import (
	"net/http"
	"net/netip"
	"strings"
)

// privatePrefix heads the gate's own headers. From outside they mean nothing,
// and nothing of them goes outside.
const privatePrefix = "X-Sessiongate"

// requestHeader returns the header for the upstream: what the client sent, less
// what must not pass, plus what the gate knows of the client. It shares the
// values with the client's header, which nobody changes.
func (x *exchange) requestHeader() http.Header {
	in := x.r.Header
	out := make(http.Header, len(in)+6)
	for name, values := range in {
		if passesUpstream(name, x.client.Trusted) {
			out[name] = values
		}
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = nil // net/http would put its own in
	}
	x.setForwarded(out)
	return out
}

// setForwarded writes the forwarding headers and the request's id anew. Only
// what a trusted proxy said about the client is kept; anybody else may have made
// it up.
func (x *exchange) setForwarded(h http.Header) {
	client, peer := x.address, x.address
	if x.client.Trusted || client == "" {
		peer = peerAddress(x.r.RemoteAddr)
	}
	if client == "" {
		client = peer
	}
	chain, host, scheme := peer, x.r.Host, x.scheme()
	if x.client.Trusted {
		if before := x.r.Header["X-Forwarded-For"]; len(before) > 0 {
			chain = strings.Join(before, ", ") + ", " + peer
		} else if client != peer { // it stood in Forwarded
			chain = client + ", " + peer
		}
		if x.client.Host != "" {
			host = x.client.Host
		}
	}
	values := [5]string{chain, host, scheme, forwarded(client, host, scheme), x.requestID}
	h["X-Forwarded-For"] = values[0:1:1]
	h["X-Forwarded-Host"] = values[1:2:2]
	h["X-Forwarded-Proto"] = values[2:3:3]
	h["Forwarded"] = values[3:4:4]
	h[requestIDHeader] = values[4:5:5]
}

// forwarded is one element of Forwarded (RFC 7239), for whoever reads that: the
// client as the gate knows it. A host with characters that no host has is left
// out: not everybody who reads the header understands quotes.
func forwarded(client, host, scheme string) string {
	if strings.Contains(client, ":") {
		client = `"[` + client + `]"`
	}
	known, plain := hostCharacters(host)
	switch {
	case host == "" || !known:
		return "for=" + client + ";proto=" + scheme
	case !plain:
		host = `"` + host + `"`
	}
	return "for=" + client + ";host=" + host + ";proto=" + scheme
}

// hostCharacters says whether a host has only characters that hosts have, and
// whether it may stand there without quotes.
func hostCharacters(host string) (known, plain bool) {
	plain = true
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		case c == ':', c == '[', c == ']':
			plain = false
		default:
			return false, false
		}
	}
	return true, plain
}

// scheme is how the client came: over TLS to the gate, or as a trusted proxy
// says.
func (x *exchange) scheme() string {
	switch {
	case x.r.TLS != nil:
		return "https"
	case x.client.Scheme != "":
		return x.client.Scheme
	default:
		return "http"
	}
}

// peerAddress is the address of the connection's other end; a unix socket has
// none ("unknown", RFC 7239, section 6.2).
func peerAddress(remote string) string {
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return ap.Addr().Unmap().WithZone("").String()
	}
	return "unknown"
}

// passesUpstream says whether a client's header goes to the upstream; trusted
// says that a trusted proxy sent it.
func passesUpstream(name string, trusted bool) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
		"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Http2-Settings": // hop by hop (RFC 9110, section 7.6.1; RFC 7540, section 3.2.1)
		return false
	case "Expect": // answered by the gate, which has read the body
		return false
	case "Content-Length": // the gate has measured the body
		return false
	case "Proxy": // httpoxy: CGI makes HTTP_PROXY of it (CVE-2016-5385)
		return false
	case "X-Original-Url", "X-Rewrite-Url": // frameworks route by them, past every rule
		return false
	case "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", requestIDHeader:
		return false // written anew
	case "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Prefix",
		"X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Real-Ip",
		"Client-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Forwarded",
		"X-Sendfile-Type", "X-Accel-Mapping": // a server in front that says how it sends files for the application
		return trusted
	}
	// PHP folds "_" and "." into "-", so such a name can pose as another.
	return !strings.HasPrefix(name, privatePrefix) && strings.IndexByte(name, '_') < 0 && strings.IndexByte(name, '.') < 0
}

// CanCarrySession says whether a header may carry the session id: only one that
// reaches the upstream just as the gate has read it.
func CanCarrySession(name string) bool {
	name = http.CanonicalHeaderKey(name)
	switch name {
	case "Host", "Cookie", "Content-Type", "Content-Encoding", "User-Agent":
		return false
	}
	return passesUpstream(name, false)
}

// passesDownstream says whether an upstream's header goes to the client.
func passesDownstream(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade":
		return false
	}
	return !strings.HasPrefix(name, privatePrefix)
}

// wellNamed says that no name in an upstream's header has a space in it: net/http
// takes "Content-Length : 5" for a field of another name than the one that was
// meant, as a server behind the gate may not (RFC 9112, section 5.1).
func wellNamed(h http.Header) bool {
	for name := range h {
		if strings.Contains(name, " ") {
			return false
		}
	}
	return true
}

// copyResponseHeader puts the upstream's header into the client's. A missing
// Content-Type stays missing: net/http would guess one.
func copyResponseHeader(to, from http.Header) {
	dropConnectionHeaders(from)
	for name, values := range from {
		if passesDownstream(name) {
			to[name] = values
		}
	}
	if _, ok := to["Content-Type"]; !ok {
		to["Content-Type"] = nil
	}
}

// dropConnectionHeaders deletes the headers that Connection names: they are
// meant for this connection only (RFC 9110, section 7.6.1).
func dropConnectionHeaders(h http.Header) {
	for _, line := range h["Connection"] {
		for word := range strings.SplitSeq(line, ",") {
			if name := http.CanonicalHeaderKey(strings.TrimSpace(word)); name != "Connection" {
				delete(h, name)
			}
		}
	}
}

// listed says whether a comma-separated header names a token, in any case.
func listed(lines []string, token string) bool {
	for _, line := range lines {
		for word := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(word), token) {
				return true
			}
		}
	}
	return false
}
