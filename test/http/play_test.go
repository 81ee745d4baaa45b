package http

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// outcome is what became of a scenario.
type outcome struct {
	replies []reply
	waits   bool // the server answers less than a gate has to, and does not close either
	end     end
	seen    []request
}

// The probe is an ordinary request. Sent on the scenario's connection it shows
// that this can be used on; sent on another one it shows that the backend has
// got all that it will get.
const (
	probeTarget = "/probe"
	probe       = "GET " + probeTarget + " HTTP/1.1\r\nHost: probe.test\r\n\r\n"
)

// play sends what a scenario sends and sees what comes of it. quiet is how long
// an answer may be waited for that a gate has to give.
func (s *server) play(t *testing.T, sc *scenario, quiet time.Duration) outcome {
	t.Helper()
	s.backend.take()
	s.backend.say(sc.says)
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() { // a server may answer, and close, before it has read all
		defer close(sent)
		io.WriteString(c, sc.send)
		if sc.hangUp {
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	defer func() { c.Close(); <-sent }()
	o := outcome{end: stays}
	in := bufio.NewReader(c)
	methods := methodsOf(sc.send)
	for len(o.replies) < max(len(sc.replies), 1) || o.replies[len(o.replies)-1].interim() {
		c.SetReadDeadline(time.Now().Add(quiet))
		got, err := readReply(in, methods.next())
		if errors.Is(err, os.ErrDeadlineExceeded) {
			o.waits = true
			break
		}
		if got.status != "" || got.begins != "" {
			o.replies = append(o.replies, got)
			if got.interim() {
				methods.again()
			}
		}
		if err != nil {
			o.end = closes
			break
		}
	}
	if !o.waits && o.end == stays {
		o.end = s.usable(c, in)
	}
	c.Close()
	o.seen = s.settle(t)
	return o
}

// usable sends the probe on a connection.
func (s *server) usable(c net.Conn, in *bufio.Reader) end {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, probe); err != nil {
		return closes
	}
	got, err := readReply(in, "GET")
	// 502 is an answer, too: the backend may have closed a connection just now.
	return end(err != nil || got.status == "")
}

// settle sends the probe on a connection of its own and takes what the backend
// has seen, without probes.
func (s *server) settle(t *testing.T) (seen []request) {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for got := (reply{}); got.body != okay; {
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, probe)
		if got, err = readReply(in, "GET"); err != nil {
			t.Fatalf("the server does not answer others any more: %v", err)
		}
	}
	for _, q := range s.backend.take() {
		if !strings.HasSuffix(q.line, " "+probeTarget) {
			seen = append(seen, q)
		}
	}
	return seen
}

// methods are those of the requests that a scenario seems to send: an answer to
// HEAD has no body, whatever its header says.
type methods struct {
	list []string
	at   int
}

func methodsOf(send string) *methods {
	m := &methods{}
	for line := range strings.Lines(send) {
		if method, rest, ok := strings.Cut(line, " "); ok && strings.Contains(rest, " HTTP/1.") {
			m.list = append(m.list, method)
		}
	}
	return m
}

func (m *methods) next() string {
	m.at++
	if m.at > len(m.list) {
		return ""
	}
	return m.list[m.at-1]
}

func (m *methods) again() { m.at-- }

// interim says that another answer has to follow.
func (r reply) interim() bool { return strings.HasPrefix(r.status, "HTTP/1.1 1") }

// readReply reads an answer. What does not begin as one has to is kept in begins.
// Its body was cut where the connection has ended in it; no error is then
// returned but io.EOF.
func readReply(in *bufio.Reader, method string) (reply, error) {
	var r reply
	first, err := readLine(in)
	if err != nil || !strings.HasPrefix(first, "HTTP/") {
		r.begins = first
		if err == nil || err == io.ErrUnexpectedEOF {
			rest, _ := io.ReadAll(in)
			r.begins += string(rest)
			return r, io.EOF
		}
		return r, err
	}
	r.status = first
	var length string
	var chunked bool
	for {
		line, err := readLine(in)
		if err != nil {
			return r, err
		}
		if line == "" {
			break
		}
		r.header = append(r.header, line)
		switch name, value, _ := strings.Cut(line, ": "); strings.ToLower(name) {
		case "content-length":
			length = value
		case "transfer-encoding":
			chunked = true
		}
	}
	code := strings.SplitN(first, " ", 3)[1]
	switch {
	case method == "HEAD", code == "204", code == "304", strings.HasPrefix(code, "1"):
		return r, nil
	case length != "" || chunked:
		r.body, err = readBody(in, length, chunked, func(string) {})
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			r.cut, err = true, io.EOF
		}
		return r, err
	}
	rest, err := io.ReadAll(in)
	r.body = string(rest)
	if err == nil {
		err = io.EOF
	} else if !errors.Is(err, os.ErrDeadlineExceeded) {
		r.cut, err = true, io.EOF // a reset
	}
	return r, err
}

// differs says in what a reply that came is not the wanted one.
func (r reply) differs(got reply) error {
	switch {
	case r.status != got.status:
		return fmt.Errorf("got %q %q, want %q", got.status, clip(got.begins+got.body), r.status)
	case r.cut != got.cut:
		return fmt.Errorf("%s: cut in the body: %v, want %v", got.status, got.cut, r.cut)
	case r.begins != "" && !strings.HasPrefix(got.body, r.begins):
		return fmt.Errorf("%s: the body is %q, want it to begin with %q", got.status, clip(got.body), r.begins)
	case r.begins == "" && r.body != got.body:
		return fmt.Errorf("%s: the body is %q, want %q", got.status, clip(got.body), clip(r.body))
	}
	return headerDiffers(r.header, got.header)
}
