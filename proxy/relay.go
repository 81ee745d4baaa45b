package proxy

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/sessiongate/sessiongate/internal/spool"
)

// relay sends the answer at the client's pace. What is there is written without
// waiting; before the relay waits for more, everything written goes out.
func (x *exchange) relay() error {
	if x.run.switchedTo != nil {
		return x.tunnel()
	}
	resp, pipe := x.run.resp, x.run.pipe
	copyResponseHeader(x.w.Header(), resp.Header)
	x.w.Header()[requestIDHeader] = []string{x.requestID}
	x.quotas.tell(x.w.Header())
	x.announceTrailer()
	if endsConnection(x.r) {
		x.w.Header().Set("Connection", "close") // once more: an informational answer goes without it, and leaves nothing
	}
	x.status = resp.StatusCode
	control := http.NewResponseController(x.w)
	defer func() { x.taking.stop() }()
	x.extendWrite(control)
	x.w.WriteHeader(resp.StatusCode)
	if x.run.heard != nil {
		_ = control.Flush() // what fails now fails again below
		x.run.tell()
	}
	for {
		chunk, err := x.nextChunk(pipe, control)
		switch {
		case err == io.EOF: // exactly: an error that wraps it is a broken answer
			x.extendWrite(control) // net/http writes the end
			if x.taking != nil && control.Flush() != nil {
				return errGone // while somebody looks whether it is taken
			}
			return x.sendTrailer(control)
		case err != nil && x.r.Context().Err() != nil, errors.Is(err, errGone):
			return errGone
		case err != nil:
			// The upstream broke off. The client must not take the part for the
			// whole, so its connection is cut: behind all that has come, for cutting
			// throws away what is not flushed.
			x.cut = true
			x.extendWrite(control)
			_ = control.Flush() // the client may be gone
			x.cutConnection()
		}
		err = x.write(control, chunk)
		if errors.Is(err, http.ErrBodyNotAllowed) || errors.Is(err, http.ErrContentLength) {
			return x.overlong(err)
		}
		if err != nil {
			return errGone
		}
	}
}

// nextChunk returns the next bytes of the answer, and flushes before it waits.
func (x *exchange) nextChunk(pipe *spool.Pipe, control *http.ResponseController) ([]byte, error) {
	chunk, ok, err := pipe.TryNext()
	if ok || err != nil {
		return chunk, err
	}
	x.extendWrite(control)
	if err := control.Flush(); err != nil {
		return nil, errGone
	}
	x.restWrite(control)
	return pipe.Next(x.r.Context())
}

// extendWrite gives the client time to take the next bytes, where it was not
// given some a moment ago: to set a deadline costs more than to look at the clock.
func (x *exchange) extendWrite(control *http.ResponseController) {
	if now := time.Now(); now.Sub(x.extended) > x.setup.WriteIdleTimeout/extendings {
		x.extended = now
		x.setup.extendWrite(control)
	}
}

// extendings is how often in WriteIdleTimeout a deadline is set at most.
const extendings = 64

func (s *setup) extendWrite(control *http.ResponseController) {
	if d := s.WriteIdleTimeout; d > 0 {
		_ = control.SetWriteDeadline(time.Now().Add(d)) // without deadlines the connection's own end has to do
	}
}

// restWrite lifts the deadline of a stream of HTTP/2 while nothing is to be
// written: one that passes resets the stream even then. On a connection of
// HTTP/1 it means nothing until the next write, which sets another.
func (x *exchange) restWrite(control *http.ResponseController) {
	if x.overHTTP2() && x.setup.WriteIdleTimeout > 0 {
		x.extended = time.Time{}
		_ = control.SetWriteDeadline(time.Time{})
	}
}

// overlong ends an answer that has more body than its headers allow (HEAD, 204,
// 304, Content-Length): what was right to send has been sent. The run reads on
// to the upstream's end.
func (x *exchange) overlong(err error) error {
	x.cause = err
	return nil
}
