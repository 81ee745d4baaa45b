package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// recorder is a backend that remembers the bytes it was sent, and answers with
// bytes as they are.
type recorder struct {
	mu   sync.Mutex
	seen []string // each request as it came, trailer and all
}

// inFrontOfRecorder runs a gate before a backend that answers each request with
// what answer returns for its path.
func inFrontOfRecorder(t *testing.T, answer func(path string) string, start func(*testing.T, ...string) *gate, parts ...string) (*gate, *recorder) {
	t.Helper()
	r := &recorder{}
	address := rawBackend(t, func(c net.Conn) { r.serve(c, answer) })
	parts = append([]string{fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", address)}, parts...)
	return start(t, parts...), r
}

// serve answers the requests of one connection.
func (r *recorder) serve(c net.Conn, answer func(path string) string) {
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(c, &raw))
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		r.mu.Lock()
		r.seen = append(r.seen, raw.String()) // the gate sends one at a time
		r.mu.Unlock()
		raw.Reset()
		if _, err := io.WriteString(c, answer(req.URL.Path)); err != nil {
			return
		}
	}
}

// last is the newest request, as its lines.
func (r *recorder) last(t *testing.T) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) == 0 {
		t.Fatal("nothing has reached the backend")
	}
	return strings.Split(r.seen[len(r.seen)-1], "\r\n")
}

// field is the values of a header or trailer in the lines of a message, in any
// spelling of its name, joined by "|".
func field(lines []string, name string) string {
	var values []string
	for _, line := range lines {
		if n, value, ok := strings.Cut(line, ": "); ok && strings.EqualFold(n, name) {
			values = append(values, value)
		}
	}
	return strings.Join(values, "|")
}
