package fastcgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// bufferSize holds a usual request whole, and a usual answer: php-fpm writes
// records of up to 8 KiB.
const bufferSize = 16 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, bufferSize)
	return &b
}}

// exchange is one request and its answer on one connection. One buffer serves
// both: once the request has been sent, the answer is read into it.
type exchange struct {
	t    *Transport
	req  *http.Request
	ctx  context.Context
	conn net.Conn
	// unwatch ends the watch on ctx.
	unwatch func() bool
	script  *Script // that runs, whatever the path; nil: the resolver finds it
	buffer  *[]byte
	reader  recordReader
	stderr  stderrLines
	upload  *upload // nil: the body went out with the head, or there is none
	// failed is why the request was given up from this side.
	failed atomic.Pointer[error]
	sent   error // the failure of the first write, told if no answer comes
	unbody sync.Once
}

func newExchange(t *Transport, req *http.Request) *exchange {
	x := &exchange{t: t, req: req, ctx: req.Context()}
	if t.stderr != nil {
		x.stderr.emit = func(line string) { t.stderr(x.req, line) }
	}
	return x
}

// begin sends the request and reads the response header.
func (x *exchange) begin() (responseHeader, error) {
	head, inline, err := x.encode()
	if err != nil {
		return responseHeader{}, err
	}
	if x.conn, err = x.t.dialer.Connect(x.ctx); err != nil {
		return responseHeader{}, err
	}
	// The deadline, not Close, so that reads and writes fail while this side
	// still owns the connection.
	x.unwatch = context.AfterFunc(x.ctx, x.interrupt)
	x.send(head, inline)
	x.reader = recordReader{from: x.conn, buf: (*x.buffer)[:bufferSize], stderr: &x.stderr}
	return x.header()
}

// interrupt makes reads and writes under way return.
func (x *exchange) interrupt() { _ = x.conn.SetDeadline(time.Unix(1, 0)) }

// encode builds everything up to the body, and the body as well where it fits
// into the buffer (inline).
func (x *exchange) encode() (head []byte, inline bool, err error) {
	req := x.req
	if req.ContentLength < 0 {
		return nil, false, ErrLengthRequired
	}
	if req.ContentLength > 0 && req.Body == nil {
		return nil, false, bodyError(0, req.ContentLength, io.EOF)
	}
	if isUpgrade(req.Header) {
		return nil, false, ErrUpgrade
	}
	script, err := x.findScript()
	if err != nil {
		return nil, false, err
	}
	x.buffer = buffers.Get().(*[]byte)
	p := params{buf: appendBegin((*x.buffer)[:0]), open: -1, fixed: x.t.fixed}
	if err := x.t.encodeParams(&p, req, script); err != nil {
		return nil, false, err
	}
	head = appendRecord(p.buf, typeParams, nil)
	if int64(bufferSize-len(head)-2*headerSize) < req.ContentLength {
		return head, false, nil
	}
	if req.ContentLength > 0 {
		if head, err = appendBody(head, req); err != nil {
			return nil, false, err
		}
	}
	return appendRecord(head, typeStdin, nil), true, nil
}

func (x *exchange) findScript() (Script, error) {
	if x.script != nil {
		return *x.script, nil
	}
	script, err := x.t.script.Resolve(x.req.URL.Path, x.req.URL.EscapedPath())
	if err == nil && script.Folder {
		err = ErrFolder
	}
	return script, err
}

// appendBody reads a small body into one STDIN record.
func appendBody(head []byte, req *http.Request) ([]byte, error) {
	at, size := len(head), int(req.ContentLength)
	head = head[:at+headerSize+size]
	putHeader(head[at:], typeStdin, size)
	if n, err := io.ReadFull(req.Body, head[at+headerSize:]); err != nil {
		return nil, bodyError(int64(n), req.ContentLength, err)
	}
	return head, nil
}

// send writes the head. A failure is not yet the end: a server that has no room
// says so and closes without having read.
func (x *exchange) send(head []byte, inline bool) {
	_, x.sent = x.conn.Write(head)
	if inline || x.sent != nil {
		x.closeRequestBody()
		return
	}
	x.upload = startUpload(x)
}

// header reads the answer up to the end of its header.
func (x *exchange) header() (responseHeader, error) {
	scanner := headerScanner{max: x.t.maxHeader, buf: make([]byte, 0, 512)}
	for {
		b, end, err := x.reader.stdout()
		if errors.Is(err, io.EOF) && end.err() == nil {
			return responseHeader{}, fmt.Errorf("%w: the request ended before its header", ErrBadResponse)
		}
		if err != nil {
			return responseHeader{}, x.explain(end, err)
		}
		used, done, err := scanner.write(b)
		x.reader.discard(used)
		if err != nil {
			return responseHeader{}, &badHeaderError{err}
		}
		if done {
			header, err := parseHeader(scanner.buf)
			if err != nil {
				err = &badHeaderError{err}
			}
			return header, err
		}
	}
}

// badHeaderError is a header that cannot be used; what follows it still can be
// read to the end.
type badHeaderError struct{ error }

func (e *badHeaderError) Unwrap() error { return e.error }

// explain finds the cause of a failed read: it may lie on this side.
func (x *exchange) explain(end end, err error) error {
	if errors.Is(err, io.EOF) {
		if end.err() == nil {
			return io.EOF
		}
		return end.err()
	}
	if x.ctx.Err() != nil {
		return fmt.Errorf("fastcgi: %w", context.Cause(x.ctx))
	}
	if failed := x.failed.Load(); failed != nil {
		return *failed
	}
	if x.sent != nil {
		return fmt.Errorf("%w (%w)", err, x.sent)
	}
	return err
}

// fail gives the request up; the reading side returns err.
func (x *exchange) fail(err error) {
	x.failed.CompareAndSwap(nil, &err)
	x.interrupt()
}

// release gives everything back, once nobody reads any more. Closing comes
// first: it ends the upload, and php-fpm keeps its worker until it has seen it.
func (x *exchange) release() {
	if x.conn != nil {
		x.unwatch()
		_ = x.conn.Close()
	}
	x.closeRequestBody()
	if x.upload != nil {
		<-x.upload.done
	}
	x.stderr.flush()
	if x.buffer != nil {
		buffers.Put(x.buffer)
		x.buffer, x.reader.buf = nil, nil
	}
}

// closeRequestBody keeps RoundTripper's promise, as soon as the body is not
// needed any more.
func (x *exchange) closeRequestBody() {
	if x.req.Body != nil {
		x.unbody.Do(func() { _ = x.req.Body.Close() })
	}
}

func bodyError(got, declared int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: ended after %d bytes, %d were declared", ErrRequestBody, got, declared)
	}
	return fmt.Errorf("%w: %w", ErrRequestBody, err)
}

// isUpgrade: Upgrade counts only where Connection names it (RFC 9110, 7.8).
func isUpgrade(header http.Header) bool {
	if len(header["Upgrade"]) == 0 {
		return false
	}
	for _, line := range header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(option), "upgrade") {
				return true
			}
		}
	}
	return false
}
