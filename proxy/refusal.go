package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// statusGone is the status in the access line of a client that left before it
// was answered; it never goes over the wire.
const statusGone = 499

// Refusal is any answer that the gate gives instead of forwarding.
type Refusal struct {
	Status int
	Reason Reason
	// Detail tells the client in a sentence what was wrong and what would be
	// right. It holds nothing of other users and nothing of the inside.
	Detail string
	// Location is where a redirect goes.
	Location string
	// RetryAfter is when coming again makes sense; 0 says nothing of it.
	RetryAfter time.Duration
	// Err is the cause, for the log only.
	Err error
}

func (r *Refusal) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("%d %s: %v", r.Status, r.Reason, r.Err)
	}
	return fmt.Sprintf("%d %s", r.Status, r.Reason)
}

func (r *Refusal) Unwrap() error { return r.Err }

// errGone says that the client has left: there is nobody to answer.
var errGone = errors.New("proxy: the client has left")

// asRefusal makes sure that every error of a stage has an answer.
func asRefusal(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return &Refusal{Status: http.StatusInternalServerError, Reason: ReasonInternal, Detail: "The gate failed to handle the request.", Err: err}
}

// write answers with the refusal. Where the request's body is unread the
// connection closes: net/http would otherwise hold the answer back until it
// has read the body away.
func (r *Refusal) write(w http.ResponseWriter, bodyUnread bool) (sent int64) {
	h := w.Header()
	clear(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if bodyUnread {
		h.Set("Connection", "close")
	}
	if r.Location != "" {
		h.Set("Location", r.Location)
	}
	if r.RetryAfter > 0 {
		seconds := int64((r.RetryAfter + time.Second - 1) / time.Second)
		h.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	body := fmt.Sprintf("%d %s\nreason: %s\n%s\n", r.Status, http.StatusText(r.Status), r.Reason, r.Detail)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(r.Status)
	n, _ := io.WriteString(w, body) // a client that left needs no answer
	return int64(n)
}
