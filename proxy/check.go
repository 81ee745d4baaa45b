package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// check refuses, before a byte of the body is read, what cannot be served: no
// place in the queue for a slot or in the line, or a body declared larger than
// allowed. It takes nothing: what it looks at may be otherwise when the request
// gets there, and is looked at again.
func (x *exchange) check() error {
	if limit := x.policy.MaxBodySize; limit > 0 && x.r.ContentLength > limit {
		return tooLarge(limit)
	}
	if servers := x.upstream.Servers; servers.Bounded() && !x.policy.Shadow {
		if x.asks = x.slotRequest(); servers.Refuses(x.asks) {
			return x.queueRefusal(ReasonQueueFull, balance.ErrQueueFull)
		}
	}
	if !x.locked || x.policy.Shadow {
		return nil
	}
	if x.call.under != nil {
		return x.checkPlace()
	}
	err := x.gate.Locks.Check(x.ticket)
	if err == nil || errors.Is(err, lockstore.ErrAway) && x.policy.OnStoreFailure == rules.Open {
		return nil // whether it is still away is seen when the request would wait
	}
	return x.lineRefusal(err)
}

// checkPlace is check for a request that its caller waits for.
func (x *exchange) checkPlace() error {
	if ticket, ok := x.placeTicket(); ok {
		if err := x.gate.nested.Check(ticket); err != nil {
			return x.lineRefusal(err)
		}
	}
	return nil
}

func tooLarge(limit int64) *Refusal {
	return &Refusal{
		Status: http.StatusRequestEntityTooLarge,
		Reason: ReasonBodyTooLarge,
		Detail: fmt.Sprintf("The request body may have at most %d bytes.", limit),
	}
}

// lineRefusal answers for a line that has no place. Coming again makes sense
// when those who are in the line now have had their turns.
func (x *exchange) lineRefusal(err error) *Refusal {
	r := &Refusal{Status: http.StatusTooManyRequests, Err: err}
	turns := 1
	switch {
	case errors.Is(err, lockstore.ErrAway):
		return storeAway(err)
	case errors.Is(err, lockstore.ErrBusy):
		r.Reason, r.Detail = ReasonSessionBusy, "Another request of this session is running."
	case errors.Is(err, lockstore.ErrSessionFull):
		r.Reason, r.Detail = ReasonSessionFull, "Too many requests of this session are waiting."
		turns = x.ticket.MaxWaiting + 1
	case errors.Is(err, lockstore.ErrClientFull):
		r.Reason, r.Detail = ReasonClientFull, "Too many requests of this client are waiting."
		turns = lineOf(x.gate.Locks)
	case errors.Is(err, lockstore.ErrTotalFull):
		r.Reason, r.Detail = ReasonTotalFull, "Too many requests are waiting."
		turns = lineOf(x.gate.Locks)
	default:
		return asRefusal(err)
	}
	r.RetryAfter = x.gate.pace.of(turns)
	return r
}

// storeAway answers where turns cannot be had and the request is not to run
// without.
func storeAway(err error) *Refusal {
	return &Refusal{
		Status:     http.StatusServiceUnavailable,
		Reason:     ReasonStoreAway,
		Detail:     "Requests of a session cannot be put in order now.",
		RetryAfter: outageDelay,
		Err:        err,
	}
}

// retryOf gives a Retry-After to the statuses that call for one.
func retryOf(status int) time.Duration {
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		return ruleDelay
	}
	return 0
}
