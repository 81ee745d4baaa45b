package keepalive

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// attempt is a request on its connection, until the answer has ended. It is the
// answer's body. Close may be called while a Read is under way.
type attempt struct {
	conn   *conn
	unhook func() bool // from the request's context
	body   io.Reader   // of the answer, as net/http reads it
	last   bool        // server or request have said Connection: close
	over   atomic.Bool

	sent    chan struct{} // closed when nothing is written any more; nil: since roundTrip
	sendErr error         // there with sent
}

// send sends the request. One with a body is written by a goroutine of its own:
// the server may answer before it has read all, and wait for the answer to be
// read before it goes on.
func (a *attempt) send(req *http.Request) {
	if req.Body == nil || req.Body == http.NoBody {
		a.sendErr = a.conn.write(req)
		return
	}
	body := &source{ReadCloser: req.Body}
	own := *req // the caller's may not be changed
	own.Body = body
	a.sent = make(chan struct{})
	go func() {
		defer close(a.sent)
		a.sendErr = a.conn.write(&own)
		if body.err != nil {
			a.sendErr = body.err
		}
	}()
}

// source is a request's body that remembers why it could not be read. net/http
// tells that in an error that cannot be looked into.
type source struct {
	io.ReadCloser
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// receive gives the answer its body.
func (a *attempt) receive(resp *http.Response) {
	a.last = resp.Close || resp.Request.Close
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		a.unhook()
		resp.Body = &switched{Conn: a.conn.wire.Conn, from: a.conn.from}
	case resp.Body == http.NoBody:
		a.end(true)
	default:
		a.body, resp.Body = resp.Body, a
	}
}

func (a *attempt) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	if err == io.EOF { // exactly: an error that wraps it is a broken answer
		a.end(true)
		a.body = http.NoBody // the connection's reader is another's now
	}
	return n, err
}

// Close before the end closes the connection. It does not read on to the end, as
// net/http's does: that may be far.
func (a *attempt) Close() error {
	a.end(false)
	return nil
}

// end has the connection kept where the answer is whole, and closes it elsewhere.
// Nothing is written to it any more then, so that the request's body may be given
// back.
func (a *attempt) end(whole bool) {
	if a.over.Swap(true) {
		return
	}
	if !whole {
		a.conn.close()
	}
	a.endSending()
	alive := a.unhook()
	quiet := whole && a.conn.drained() // else somebody may still be reading
	if !alive || !quiet || a.last || a.sendErr != nil || !a.conn.transport.keep(a.conn) {
		a.conn.close()
	}
}

// endSending returns when the request is not written any more. What a server has
// not taken of it when it has answered, it does without.
func (a *attempt) endSending() {
	if a.sent == nil {
		return
	}
	_ = a.conn.wire.SetWriteDeadline(time.Unix(1, 0)) // fails where it is closed, and then writes fail
	<-a.sent
	_ = a.conn.wire.SetWriteDeadline(time.Time{})
}

// switched is the body of a 101: the connection, and before it what was read
// together with the header.
type switched struct {
	net.Conn
	from *bufio.Reader
}

func (s *switched) Read(p []byte) (int, error) {
	if n := s.from.Buffered(); n > 0 {
		return s.from.Read(p[:min(n, len(p))])
	}
	return s.Conn.Read(p)
}

// NetConn is the socket.
func (s *switched) NetConn() net.Conn { return s.Conn }

// CloseWrite ends this side of the connection.
func (s *switched) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
