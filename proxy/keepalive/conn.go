package keepalive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// maxHeader bounds the header of an answer, and of each informational one before it
// that somebody hears of.
const maxHeader = 1 << 20

// errLongHeader is a server that does not come to the end of its header.
var errLongHeader = fmt.Errorf("keepalive: the answer's header has more than %d bytes", maxHeader)

// conn is a connection to the server. It belongs to one request, or is kept.
type conn struct {
	transport *Transport
	wire      *wire
	from      *bufio.Reader // nil while it is kept
	since     time.Time     // when it was kept
}

// roundTrip sends the request once. After an error the connection is closed, and
// nothing is written any more.
func (c *conn) roundTrip(req *http.Request) (*http.Response, error) {
	c.wire.begin()
	c.from = newReader(c.wire)
	a := &attempt{conn: c, unhook: context.AfterFunc(req.Context(), c.close)}
	a.send(req)
	resp, err := c.read(req)
	if err != nil {
		a.end(false)
		return nil, a.why(req, err)
	}
	a.receive(resp)
	return resp, nil
}

// write sends the request. Where that fails for another reason than the
// server's, whole answers cannot be expected of it.
func (c *conn) write(req *http.Request) error {
	to := newWriter(c.wire)
	defer giveBackWriter(to)
	err := req.Write(to) // also closes the request's body
	if err == nil {
		err = to.Flush()
	}
	if err != nil && !c.wire.broken {
		c.close()
	}
	return err
}

// read reads the header of the answer, behind the informational ones.
func (c *conn) read(req *http.Request) (*http.Response, error) {
	to, _ := req.Context().Value(informedKey{}).(Informed)
	for n := 0; n <= maxInformational; n++ {
		if n == 0 || to != nil {
			c.wire.limit = maxHeader
		}
		resp, err := http.ReadResponse(c.from, req)
		if err != nil || !informational(resp) {
			c.wire.limit = unlimited
			return resp, err
		}
		if to != nil {
			to.Informational(resp.StatusCode, resp.Header)
		}
	}
	return nil, ErrInformational
}

// drained says that nothing has come behind the answer, whose end was read, and
// gives the reader back.
func (c *conn) drained() bool {
	rest := c.from.Buffered()
	giveBackReader(c.from)
	c.from = nil
	return rest == 0
}

// close may be called more than once, and at any time.
func (c *conn) close() { _ = c.wire.Close() } // there is nothing to be lost on it

// why is the error to be told: why the request was given up, or could not be
// sent, is nearer to the cause than that no answer came.
func (a *attempt) why(req *http.Request, err error) error {
	if cause := context.Cause(req.Context()); cause != nil {
		return cause
	}
	if a.sendErr != nil && !errors.Is(err, errLongHeader) && !errors.Is(err, ErrInformational) {
		return fmt.Errorf("send the request: %w", a.sendErr)
	}
	return fmt.Errorf("read the answer: %w", err)
}
