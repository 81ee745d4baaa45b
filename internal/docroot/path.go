package docroot

import "strings"

// Plain tells whether a URL path can be read in one way only: it has no ".."
// segment, no encoded slash, no backslash and no control character. decoded is
// the path, escaped the same as it was sent.
func Plain(decoded, escaped string) bool {
	if !strings.HasPrefix(decoded, "/") {
		return false
	}
	for i := range len(decoded) {
		if c := decoded[i]; c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	if strings.Contains(decoded, "/../") || strings.HasSuffix(decoded, "/..") {
		return false
	}
	for i := 0; i+2 < len(escaped); i++ {
		if escaped[i] == '%' && escaped[i+1] == '2' && escaped[i+2]|0x20 == 'f' {
			return false
		}
	}
	return true
}

// Hidden tells whether a segment of a cleaned path begins with a dot.
func Hidden(name string) bool { return strings.Contains(name, "/.") }
