package fastcgi

import (
	"bytes"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// headerScanner collects a response header up to its blank line.
type headerScanner struct {
	max  int
	buf  []byte
	line int // where the line under way begins
}

// write takes bytes of the answer, says how many of them belong to the header,
// and whether it is complete.
func (s *headerScanner) write(b []byte) (used int, done bool, err error) {
	for used < len(b) && !done {
		n := len(b) - used
		i := bytes.IndexByte(b[used:], '\n')
		if i >= 0 {
			n = i + 1
		}
		if len(s.buf)+n > s.max {
			return used, false, fmt.Errorf("%w: more than %d bytes", ErrHeaderTooLarge, s.max)
		}
		s.buf = append(s.buf, b[used:used+n]...)
		used += n
		if i >= 0 {
			line := s.buf[s.line:]
			done = len(line) == 1 || len(line) == 2 && line[0] == '\r'
			s.line = len(s.buf)
		}
	}
	return used, done, nil
}

// responseHeader is a parsed CGI response header.
type responseHeader struct {
	status  int
	reason  string
	fields  http.Header
	length  int64 // -1: not declared
	located bool
}

// parseHeader reads a header block that ends with its blank line (RFC 3875,
// section 6). It is strict: what is no header makes the whole answer bad, so
// that nothing of it gets into the body.
func parseHeader(block []byte) (responseHeader, error) {
	h := responseHeader{length: -1}
	rest := string(block)
	lines := strings.Count(rest, "\n")
	h.fields = make(http.Header, lines)
	values := make([]string, 0, lines) // one allocation for all single values
	for {
		line, after, _ := strings.Cut(rest, "\n")
		rest = after
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			break
		}
		name, value, err := splitField(line)
		if err != nil {
			return h, err
		}
		kept, err := h.control(name, value)
		if err != nil {
			return h, err
		}
		if !kept {
			continue
		}
		if earlier, ok := h.fields[name]; ok {
			h.fields[name] = append(earlier, value)
			continue
		}
		values = append(values, value)
		h.fields[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if h.status == 0 {
		h.status = http.StatusOK
		if h.located {
			h.status = http.StatusFound // as nginx and RFC 3875, section 6.2.3
		}
	}
	return h, nil
}

// control takes in the fields that steer the response; kept says whether the
// client gets them as well.
func (h *responseHeader) control(name, value string) (kept bool, err error) {
	switch name {
	case "Status":
		return false, h.setStatus(value)
	case "Location":
		h.located = true
	case "Content-Length":
		if h.length >= 0 {
			return false, fmt.Errorf("%w: Content-Length twice", ErrBadResponse)
		}
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil {
			return false, fmt.Errorf("%w: Content-Length %q", ErrBadResponse, clip(value))
		}
		h.length = int64(n)
	case "Transfer-Encoding":
		// Framing is this package's and the server's; a page has no say in it.
		return false, nil
	}
	return true, nil
}

func (h *responseHeader) setStatus(value string) error {
	code, reason, _ := strings.Cut(value, " ")
	n, err := strconv.Atoi(code)
	// FastCGI has no interim responses: what says 1xx would be the only one.
	if err != nil || len(code) != 3 || n < 200 || h.status != 0 {
		return fmt.Errorf("%w: Status %q", ErrBadResponse, clip(value))
	}
	h.status, h.reason = n, strings.TrimSpace(reason)
	return nil
}

// splitField reads "Name: value". Folded lines are no longer allowed
// (RFC 9112, section 5.2), nor is white space before the colon.
func splitField(line string) (name, value string, err error) {
	name, value, found := strings.Cut(line, ":")
	if !found || !isToken(name) {
		// The line itself is not told: it may hold what no log should, as a
		// Set-Cookie whose colon was forgotten.
		return "", "", fmt.Errorf("%w: a line of %d bytes in the header is no field: want a name, a colon and a value", ErrBadResponse, len(line))
	}
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return "", "", fmt.Errorf("%w: control character in header %s", ErrBadResponse, clip(name))
		}
	}
	return textproto.CanonicalMIMEHeaderKey(name), value, nil
}

func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// clip keeps a hostile answer from filling an error message.
func clip(s string) string { return s[:min(len(s), 80)] }
