package proxy

import (
	"net/http"
	"strings"
)

// oneReading brings a request into the form in which everybody reads it: rules,
// limits and the session's id here, and the upstream, whatever it is forwarded
// over. It comes before anything looks at the request.
//
//   - Blanks around a value are no part of it (RFC 9110, section 5.5). net/http
//     takes them off, but not behind a folded line, nor over HTTP/2; it does when
//     it sends the value on.
//   - Of a header in several lines servers give PHP the first, the last or all, as
//     they please: one line of them is made here, as RFC 9110 (section 5.3) and,
//     for Cookie, RFC 9113 (section 8.2.3) say.
//   - net/url writes a path anew that has a character in it that no path has, and
//     a slash that was written "%2f" is one then. Only that character is escaped.
func oneReading(r *http.Request) {
	for name, lines := range r.Header {
		for i, line := range lines {
			lines[i] = strings.Trim(line, " \t")
		}
		if len(lines) > 1 {
			r.Header[name] = []string{strings.Trim(strings.Join(lines, separatorOf(name)), " \t")}
		}
	}
	r.URL.RawPath = escapeIllegal(r.URL.RawPath)
}

func separatorOf(name string) string {
	if name == "Cookie" {
		return "; "
	}
	return ", "
}

// escapeIllegal escapes what no path may have in it (RFC 3986, section 3.3), and
// leaves all else as it was written.
func escapeIllegal(path string) string {
	const legal = "-._~!$&'()*+,;=:@/%[]" // brackets, too: net/url lets them be
	illegal := func(c byte) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && strings.IndexByte(legal, c) < 0
	}
	clean := true
	for i := range len(path) {
		clean = clean && !illegal(path[i])
	}
	if clean {
		return path
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; illegal(c) {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
