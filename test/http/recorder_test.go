package http

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a backend that keeps what it gets and answers what it was told to.
type recorder struct {
	protocol protocol
	address  string

	mu   sync.Mutex
	seen []request
	says string
}

// listen serves connections of a listener until the test ends.
func (r *recorder) listen(t *testing.T) (address string) {
	t.Helper()
	return r.listenOn(t, "tcp", "127.0.0.1:0")
}

func (r *recorder) listenOn(t testing.TB, network, at string) (address string) {
	t.Helper()
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	r.address = l.Addr().String()
	var running sync.WaitGroup
	var open sync.Map
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			running.Go(func() {
				defer c.Close()
				defer open.Delete(c)
				r.serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool {
			c.(net.Conn).Close()
			return true
		})
		running.Wait()
	})
	return r.address
}

func (r *recorder) serve(c net.Conn) {
	if r.protocol == overFastCGI {
		r.serveFastCGI(c)
		return
	}
	r.serveHTTP(c)
}

// say sets what the next requests are answered with.
func (r *recorder) say(answer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.says = answer
}

// note keeps a request and returns the answer to it; "" is the ordinary one.
func (r *recorder) note(q request) (answer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.host == r.address {
		q.host = theUpstreams
	}
	r.seen = append(r.seen, q)
	if strings.HasSuffix(q.line, " "+probeTarget) {
		return ""
	}
	return r.says
}

// take returns what has been seen since it was last called.
func (r *recorder) take() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// value is a field of a header that has been seen; fields that came twice are
// joined by "|", so that they are no field that anything expects.
func (r request) value(name string) (value string, found bool) {
	for _, line := range r.header {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			if found {
				v = value + "|" + v
			}
			value, found = v, true
		}
	}
	return value, found
}

// differs says in what a request that was seen is not the wanted one.
func (r request) differs(got request) error {
	if r.line != got.line || r.host != got.host || r.body != got.body {
		return fmt.Errorf("got %s; want %s", got, r)
	}
	return headerDiffers(r.header, got.header)
}

// headerDiffers looks for lines that must, or must not, be there.
func headerDiffers(want, got []string) error {
	for _, line := range want {
		name, not := strings.CutPrefix(line, "-")
		switch {
		case not && slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(strings.ToLower(l), strings.ToLower(name)+":") }):
			return fmt.Errorf("the header has %s: %q", name, got)
		case !not && !slices.Contains(got, line):
			return fmt.Errorf("the header lacks %q: %q", line, got)
		}
	}
	return nil
}

// forbidden are the fields that no request brings to a backend: they are the
// connection's, or would say what only the gate can know.
var forbidden = []string{
	"keep-alive", "proxy-connection", "expect", "proxy", "http2-settings",
	"x-original-url", "x-rewrite-url", "x-sessiongate", "x-sessiongate-key",
}

// proxysOnly are those that no request of a client's brings there.
var proxysOnly = []string{"x-real-ip", "x-forwarded-port", "x-forwarded-prefix"}

// wantSafe is what holds of whatever a gate forwards.
func (r request) wantSafe() error {
	var wrong []error
	for _, name := range forbidden {
		if value, found := r.value(name); found {
			wrong = append(wrong, fmt.Errorf("the backend got %s: %q", name, value))
		}
	}
	// Of its own connection the gate says that it takes trailers, or that it may
	// change its protocol.
	var options []string
	te, trailers := r.value("te")
	if trailers {
		options = append(options, "TE")
	}
	_, upgrade := r.value("upgrade")
	if upgrade {
		options = append(options, "Upgrade")
	}
	connection, _ := r.value("connection")
	if said := strings.Split(connection, ", "); connection != strings.Join(options, ", ") && !slices.Equal(said, []string{"Upgrade", "TE"}) || trailers && te != "trailers" {
		wrong = append(wrong, fmt.Errorf("the backend got connection: %q, te: %q, upgrade: %v", connection, te, upgrade))
	}
	length, measured := r.value("content-length")
	coding, chunked := r.value("transfer-encoding")
	_, trailer := r.value("trailer")
	if chunked != trailer || chunked && (coding != "chunked" || measured) {
		wrong = append(wrong, fmt.Errorf("the backend got a body in chunks, with a trailer %v, a length %v", trailer, measured))
	}
	if want := fmt.Sprint(len(r.body)); !chunked && length != want && (measured && length != "0" || r.body != "") {
		wrong = append(wrong, fmt.Errorf("the backend got %d bytes and Content-Length %q", len(r.body), length))
	}
	for _, line := range r.header {
		if name, _, _ := strings.Cut(strings.TrimPrefix(line, "trailer "), ":"); strings.ContainsAny(name, "_. ") {
			wrong = append(wrong, fmt.Errorf("the backend got a field %q", line))
		}
	}
	if strings.ContainsAny(r.line+r.host, "\r\n\x00") {
		wrong = append(wrong, fmt.Errorf("the backend got %q, %q", r.line, r.host))
	}
	return errors.Join(wrong...)
}

// wantUnrelayed is what holds, besides, of what no trusted proxy has passed on:
// the client is who has sent it, whatever it says.
func (r request) wantUnrelayed() error {
	var wrong []error
	for _, name := range proxysOnly {
		if value, found := r.value(name); found {
			wrong = append(wrong, fmt.Errorf("the backend got %s: %q", name, value))
		}
	}
	host := r.host
	if host == theUpstreams {
		host = "" // the client has named none
	}
	for name, want := range map[string]string{"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": host} {
		if value, _ := r.value(name); value != want {
			wrong = append(wrong, fmt.Errorf("the backend got %s: %q, want %q", name, value, want))
		}
	}
	return errors.Join(wrong...)
}
