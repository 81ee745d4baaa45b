package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/sessiongate/sessiongate/internal/spool"
)

// spool reads the request body to its end, before the request waits: a slow
// upload holds neither a ticket nor a turn, and net/http notices that a client
// has left only once its body has been read.
func (x *exchange) spool() error {
	if x.r.ContentLength == 0 || x.r.Body == nil || x.r.Body == http.NoBody {
		x.bodyRead = true
		return x.reserveUpgrade()
	}
	if reason, ok := x.gate.uploads.begin(x.clientID); !ok {
		return &Refusal{Status: http.StatusTooManyRequests, Reason: reason, Detail: "Too many request bodies are being read.", RetryAfter: retryDelay}
	}
	defer x.gate.uploads.end(x.clientID)
	src := newPacedReader(x.r.Body, http.NewResponseController(x.w), x.setup.Settings)
	defer src.stop()
	body, err := x.gate.Spool.ReadBody(src, x.r.ContentLength, spool.BodyLimits{Memory: x.setup.BodyMemory, Max: x.policy.MaxBodySize})
	if err != nil {
		return x.spoolRefusal(err)
	}
	x.body, x.bodyRead = body, true
	return nil
}

// spoolRefusal answers for a body that could not be read.
func (x *exchange) spoolRefusal(err error) error {
	switch {
	case errors.Is(err, spool.ErrTooLarge):
		return tooLarge(x.policy.MaxBodySize)
	case errors.Is(err, spool.ErrFull):
		return &Refusal{Status: http.StatusServiceUnavailable, Reason: ReasonSpoolFull, Detail: "There is no room for the request body now.", RetryAfter: retryDelay, Err: err}
	case errors.Is(err, spool.ErrDisk):
		x.gate.Log.Error().Err(err).Msg("request body could not be written to the spool")
		return &Refusal{Status: http.StatusServiceUnavailable, Reason: ReasonSpoolDisk, Detail: "There is no room for the request body now.", RetryAfter: outageDelay, Err: err}
	case errors.Is(err, errTooSlow), errors.Is(err, os.ErrDeadlineExceeded):
		return &Refusal{Status: http.StatusRequestTimeout, Reason: ReasonUploadSlow, Detail: "The request body came too slowly.", Err: err}
	case x.departed(), errors.Is(err, io.ErrUnexpectedEOF):
		return errGone
	default:
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonUploadBroken, Detail: "The request body could not be read.", Err: err}
	}
}

// errTooSlow says that a body came below the least rate.
var errTooSlow = errors.New("proxy: request body below the least rate")

// pacedReader reads a body for as long as it makes progress: some byte within
// the idle time, and the least rate on average once RateGrace has passed.
type pacedReader struct {
	src     io.Reader
	control *http.ResponseController
	idle    time.Duration
	rate    int64
	began   time.Time
	n       int64
}

func newPacedReader(src io.Reader, control *http.ResponseController, s Settings) *pacedReader {
	return &pacedReader{src: src, control: control, idle: s.BodyIdleTimeout, rate: s.MinBodyRate, began: time.Now()}
}

func (p *pacedReader) Read(b []byte) (int, error) {
	if p.idle > 0 {
		_ = p.control.SetReadDeadline(time.Now().Add(p.idle)) // without deadlines there is only the rate
	}
	n, err := p.src.Read(b)
	p.n += int64(n)
	if err == nil && p.tooSlow(time.Since(p.began)) {
		err = errTooSlow
	}
	return n, err
}

func (p *pacedReader) tooSlow(elapsed time.Duration) bool {
	return p.rate > 0 && elapsed > RateGrace && float64(p.n) < float64(p.rate)*elapsed.Seconds()
}

// stop lifts the deadline: from here on net/http watches the connection, and a
// deadline that passed would look like a departure.
func (p *pacedReader) stop() {
	if p.idle > 0 {
		_ = p.control.SetReadDeadline(time.Time{})
	}
}
