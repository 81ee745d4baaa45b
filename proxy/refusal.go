package proxy

import (
	"errors"
	"fmt"
	"net/http"
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
	// RetryAfter is when coming again makes sense at the earliest; 0: not at all.
	// The client is told a little more than that: see retrySeconds.
	RetryAfter time.Duration
	// Known: RetryAfter is no guess, so it is not cut to a minute.
	Known bool
	// Violated names the limits that refused the request.
	Violated []string
	// Err is the cause, for the log only.
	Err error

	quotas quotas
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
