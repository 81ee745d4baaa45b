package fastcgi

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// encodeParams appends the variables of one request, as PARAMS records, to p.
// They are those of nginx's fastcgi_params, with the same meanings, plus
// PATH_INFO and PATH_TRANSLATED; REMOTE_USER is left out, because nginx fills
// it from an unchecked Authorization header.
func (t *Transport) encodeParams(p *params, req *http.Request, script Script) error {
	env := envOf(req)
	p.add("REQUEST_METHOD", req.Method)
	p.add("SERVER_PROTOCOL", req.Proto)
	p.add("REQUEST_URI", requestURI(req, env))
	p.add("QUERY_STRING", req.URL.RawQuery)
	t.addScript(p, script)
	addBody(p, req)
	addEnds(p, req, env)
	if req.Host != "" {
		p.add("HTTP_HOST", req.Host)
	}
	addHeaders(p, req.Header, env.RemoteAddr)
	if env.Fence != 0 {
		p.add("HTTP_X_SESSIONGATE_FENCE", strconv.FormatUint(env.Fence, 10))
	}
	if env.Loopback != "" {
		p.add("HTTP_X_SESSIONGATE_LOOPBACK", env.Loopback)
	}
	p.addEncoded(t.fixedPairs)
	p.finish()
	return p.err
}

func (t *Transport) addScript(p *params, script Script) {
	p.add("SCRIPT_FILENAME", t.root+script.Name)
	p.add("SCRIPT_NAME", script.Name)
	p.add("DOCUMENT_URI", script.Name+script.PathInfo)
	p.add("PATH_INFO", script.PathInfo) // also when empty, as nginx does
	if script.PathInfo != "" {
		p.add("PATH_TRANSLATED", t.root+script.PathInfo)
	}
}

// addBody: both variables are always there and empty without a body, as with
// nginx.
func addBody(p *params, req *http.Request) {
	length := ""
	if req.ContentLength > 0 || req.Header.Get("Content-Length") != "" {
		length = strconv.FormatInt(req.ContentLength, 10)
	}
	p.add("CONTENT_LENGTH", length)
	p.add("CONTENT_TYPE", req.Header.Get("Content-Type"))
}

// addEnds describes both ends of the client's connection.
func addEnds(p *params, req *http.Request, env Env) {
	scheme, port := "http", uint16(80)
	if env.HTTPS {
		scheme, port = "https", 443
		p.add("HTTPS", "on") // absent otherwise: PHP pages test for presence
	}
	p.add("REQUEST_SCHEME", scheme)
	if env.ServerPort != 0 {
		port = env.ServerPort
	}
	p.add("SERVER_PORT", strconv.Itoa(int(port)))
	p.add("SERVER_ADDR", address(env.ServerAddr))
	name := env.ServerName
	if name == "" {
		name = hostname(req.Host)
	}
	if name == "" {
		name = address(env.ServerAddr)
	}
	p.add("SERVER_NAME", name)
	p.add("REMOTE_ADDR", address(env.RemoteAddr))
	if env.RemotePort != 0 {
		p.add("REMOTE_PORT", strconv.Itoa(int(env.RemotePort)))
	}
}

// requestURI is the target in origin form: nginx, too, cuts scheme and host off
// a target in absolute form.
func requestURI(req *http.Request, env Env) string {
	for _, target := range []string{env.RequestURI, req.RequestURI} {
		if strings.HasPrefix(target, "/") || target == "*" {
			return target
		}
	}
	return req.URL.RequestURI()
}

// hostname cuts the port off a Host header. The brackets of an IPv6 address are
// part of the name (RFC 3875, section 4.1.14).
func hostname(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host
	}
	return host[:i]
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// addHeaders passes header fields on as HTTP_*. Repeated fields are joined:
// PHP knows each name once.
func addHeaders(p *params, header http.Header, client netip.Addr) {
	for key, values := range header {
		if len(values) == 0 || !passable(key) {
			continue
		}
		if key == "X-Forwarded-For" {
			p.add("HTTP_X_FORWARDED_FOR", upToClient(strings.Join(values, ", "), client))
			continue
		}
		p.name = appendVariable(p.name[:0], key)
		separator := ", "
		if key == "Cookie" {
			separator = "; " // RFC 9113, section 8.2.3
		}
		p.addJoined(p.name, values, separator)
	}
}

// upToClient cuts off what stands in X-Forwarded-For behind the client: the proxies
// between it and the gate. To PHP the peer is REMOTE_ADDR, which is the client, not
// the last of them; who believes the peer's chain (Symfony's trusted_proxies with
// REMOTE_ADDR) would take a proxy for the client.
func upToClient(chain string, client netip.Addr) string {
	for end := len(chain); end > 0 && client.IsValid(); {
		begin := strings.LastIndexByte(chain[:end], ',')
		if hop(strings.TrimSpace(chain[begin+1:end])) == client {
			return chain[:end]
		}
		end = begin
	}
	return chain
}

// hop is the address of an element of X-Forwarded-For, which may have a port;
// invalid for anything else.
func hop(s string) netip.Addr {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap()
	}
	a, _ := netip.ParseAddrPort(s) // zero on an error
	return a.Addr().Unmap()
}

// passable tells whether PHP may see a header field.
//
// Content-Type and Content-Length have variables of their own. nginx sends them
// as HTTP_* too, Apache does not; RFC 3875, section 4.1.18, lets a server leave
// them out, and two spellings of one length are an invitation to disagree.
func passable(key string) bool {
	switch key {
	case "Content-Type", "Content-Length", "Host",
		"Proxy",                           // httpoxy: HTTP_PROXY is an environment variable
		"Transfer-Encoding",               // the body has been measured and is not chunked
		"X-Original-Url", "X-Rewrite-Url": // older frameworks route by them, past every rule
		return false
	}
	if len(key) >= len(ownPrefix) && strings.EqualFold(key[:len(ownPrefix)], ownPrefix) {
		return false
	}
	for i := range len(key) {
		// "_", "." and the like fold into "_": a field could pose as another.
		if c := key[i]; !isAlphanumeric(c) && c != '-' {
			return false
		}
	}
	return key != ""
}

// ownPrefix begins the names of the gate's own headers.
const ownPrefix = "X-Sessiongate"

// appendVariable spells a header's name as CGI does.
func appendVariable(b []byte, key string) []byte {
	b = append(b, "HTTP_"...)
	for i := range len(key) {
		c := key[i]
		switch {
		case c == '-':
			c = '_'
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
