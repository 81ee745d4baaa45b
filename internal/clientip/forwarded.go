package clientip

import (
	"net/netip"
	"strings"
)

// hops is what trusted hops say in Forwarded about the one before them.
type hops struct {
	client       netip.AddrPort // invalid where no address is given
	scheme, host string
}

// walkForwarded goes through Forwarded (RFC 7239) from the right, as walk goes
// through X-Forwarded-For. An element is believed as long as a trusted hop wrote
// it, and of what is believed the farthest counts: it was written by the proxy
// that the client itself has reached.
//
// It never looks at what stands left of that. A quote that a client left open
// there could otherwise take in what proxies have appended.
func (r *Resolver) walkForwarded(lines []string) hops {
	var found hops
	for i := len(lines) - 1; i >= 0; i-- {
		rest, more := lines[i], strings.Trim(lines[i], " \t") != ""
		for more {
			var text string
			rest, text, more = cutLastElement(rest)
			e, ok := parseElement(text)
			if !ok {
				return found
			}
			if e.scheme != "" {
				found.scheme = e.scheme
			}
			if e.host != "" {
				found.host = e.host
			}
			hop := parseNode(e.node)
			if !hop.Addr().IsValid() {
				return found
			}
			found.client = hop
			if !r.trusted.Contains(hop.Addr()) {
				return found
			}
		}
	}
	return found
}

// cutLastElement splits a list at its last comma that is not quoted.
func cutLastElement(list string) (before, last string, found bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"' && !escaped(list[:i]):
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], strings.Trim(list[i+1:], " \t"), true
		}
	}
	return "", strings.Trim(list, " \t"), false
}

// escaped says whether a backslash stands before the character behind s.
func escaped(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

type element struct{ node, scheme, host string }

// parseElement reads one hop's parameters. One that is there twice makes the
// element one that nobody can be sure of (RFC 7239, section 4).
func parseElement(s string) (element, bool) {
	var e element
	seen := map[string]bool{}
	for s != "" {
		name, value, rest, ok := cutParameter(s)
		if !ok || seen[name] {
			return element{}, false
		}
		seen[name] = true
		switch name {
		case "for":
			e.node = value
		case "proto":
			e.scheme = scheme([]string{value})
		case "host":
			e.host = value
		}
		s = rest
	}
	return e, len(seen) > 0
}

// cutParameter splits a parameter and its semicolon off.
func cutParameter(s string) (name, value, rest string, ok bool) {
	name, s, ok = strings.Cut(s, "=")
	if !ok || !isToken(name) {
		return "", "", "", false
	}
	if strings.HasPrefix(s, `"`) {
		value, rest, ok = cutQuoted(s[1:])
	} else {
		end := strings.IndexByte(s+";", ';')
		value, rest = s[:end], s[end:]
		ok = isPlain(value)
	}
	if rest != "" {
		ok = ok && rest[0] == ';' && len(rest) > 1
		rest = rest[1:]
	}
	return strings.ToLower(name), value, rest, ok
}

// cutQuoted reads a quoted string up to its closing quote.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// parseNode reads what stands behind for=: an address, "unknown" or a made-up
// name that begins with an underscore, each with or without a port, which may
// be made up, too.
func parseNode(s string) netip.AddrPort {
	if i := strings.LastIndex(s, ":_"); i >= 0 && isToken(s[i+1:]) {
		s = s[:i]
	}
	return parseHop(s)
}

// isToken says whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// isPlain says whether s may stand unquoted. Strictly a token may; colons and
// brackets are taken as well, for there are proxies that forget the quotes.
func isPlain(s string) bool {
	return isToken(strings.NewReplacer(":", "", "[", "", "]", "").Replace(s))
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
