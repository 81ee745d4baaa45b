package keepalive

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// conn is a connection to the server. It belongs to one request, or is kept.
type conn struct {
	transport *Transport
	wire      *wire
	client    *http.ClientConn
	since     time.Time // when it was kept
}

// roundTrip sends the request once. After an error the connection is closed.
func (c *conn) roundTrip(req *http.Request) (*http.Response, error) {
	c.wire.begin()
	resp, err := c.client.RoundTrip(req)
	if err != nil {
		c.close()
		closeBody(req) // net/http does not where it has not come so far
		return nil, err
	}
	switch body := resp.Body.(type) {
	case io.ReadWriteCloser: // 101: the connection is the caller's now
	default:
		if body == http.NoBody {
			c.transport.keep(c)
			break
		}
		b := &answerBody{ReadCloser: body}
		b.conn.Store(c)
		resp.Body = b
	}
	return resp, nil
}

func (c *conn) close() { _ = c.client.Close() } // there is nothing to be lost on it

// answerBody has the connection kept when the answer has been read to its end.
// Close may be called while a Read is under way.
type answerBody struct {
	io.ReadCloser
	conn atomic.Pointer[conn] // nil: kept, or closed
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { // exactly: an error that wraps it is a broken answer
		if c := b.conn.Swap(nil); c != nil {
			c.transport.keep(c)
		}
	}
	return n, err
}

// Close before the end closes the connection.
func (b *answerBody) Close() error {
	c := b.conn.Swap(nil)
	err := b.ReadCloser.Close()
	if c != nil {
		c.close()
	}
	return err
}
