package fastcgi

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// stdout, stderr and ended build the records of an answer.
func stdout(s string) []byte { return appendRecord(nil, typeStdout, []byte(s)) }
func stderr(s string) []byte { return appendRecord(nil, typeStderr, []byte(s)) }
func ended(protocol byte) []byte {
	return appendRecord(nil, typeEndRequest, []byte{0, 0, 0, 0, protocol, 0, 0, 0})
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

const okHeader = "Content-Type: text/plain\r\n\r\n"

// serve makes a transport whose connections end at handle, which runs on a
// goroutine of its own and is waited for. There is no network: both ends are a
// net.Pipe, so that the tests can run in a synctest bubble.
func serve(t *testing.T, opts Options, handle func(net.Conn)) *client {
	t.Helper()
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	opts.Address, opts.Root = "127.0.0.1:9000", "/srv"
	opts.DialContext = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		running.Go(func() {
			defer far.Close()
			handle(far)
		})
		return near, nil
	}
	return newClient(t, opts)
}

// answer reads the whole request and writes the records.
func answer(records ...[]byte) func(net.Conn) {
	return func(conn net.Conn) {
		if _, _, err := readRequest(conn); err == nil {
			_, _ = conn.Write(join(records...)) // the client may have seen enough
		}
	}
}

// readRecord reads one record from a client.
func readRecord(r io.Reader) (t recordType, content []byte, err error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	content = make([]byte, int(binary.BigEndian.Uint16(header[4:]))+int(header[6]))
	_, err = io.ReadFull(r, content)
	return recordType(header[1]), content, err
}

// readRequest reads a request as PHP does: each PARAMS record by itself.
func readRequest(r io.Reader) (vars map[string][]string, body []byte, err error) {
	vars = make(map[string][]string)
	for {
		kind, content, err := readRecord(r)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case kind == typeParams:
			decodePairs(content, vars)
		case kind == typeStdin && len(content) == 0:
			return vars, body, nil
		case kind == typeStdin:
			body = append(body, content...)
		}
	}
}

// decodePairs panics on a pair that is not whole.
func decodePairs(b []byte, vars map[string][]string) {
	length := func() int {
		if b[0] < 0x80 {
			n := int(b[0])
			b = b[1:]
			return n
		}
		n := int(binary.BigEndian.Uint32(b) &^ (1 << 31))
		b = b[4:]
		return n
	}
	for len(b) > 0 {
		name, value := length(), length()
		key := string(b[:name])
		vars[key] = append(vars[key], string(b[name:name+value]))
		b = b[name+value:]
	}
}

// closeCounter is a request body that counts its Closes.
type closeCounter struct {
	io.Reader
	mu     sync.Mutex
	closed int
}

func (c *closeCounter) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	return nil
}

func (c *closeCounter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// post is a request with a body of the given declared length.
func (c *client) post(body io.Reader, length int64) (*http.Request, *closeCounter) {
	req := c.request("POST", "/", "")
	counted := &closeCounter{Reader: body}
	req.Body, req.ContentLength = counted, length
	return req, counted
}

func zeros(n int) io.Reader { return strings.NewReader(strings.Repeat("0", n)) }
