package proxy

import (
	"errors"
	"net/http"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/lockstore"
)

// wait takes the ticket and waits for the turn. The client that leaves loses
// its ticket at once, unless its request is to run all the same.
func (x *exchange) wait() error {
	if !x.locked {
		return nil
	}
	if x.policy.Shadow {
		x.runBeside()
		return nil
	}
	began := time.Now()
	err := x.acquire()
	x.waited = time.Since(began)
	x.gate.Metrics.wait.Observe(x.waited.Seconds())
	switch {
	case err == nil:
	case errors.Is(err, lockstore.ErrTimeout):
		return x.withoutTurnOr(x.waitTimedOut(), x.policy.ForwardOnTimeout)
	case errors.Is(err, lockstore.ErrAway):
		return x.withoutTurnOr(storeAway(err), x.policy.OnStoreFailure == rules.Open)
	case errors.Is(err, errClosed):
		return shuttingDown()
	case x.r.Context().Err() != nil:
		return errGone
	default:
		return x.lineRefusal(err)
	}
	if x.waited >= noticeable && !x.wanted() {
		return errGone
	}
	return nil
}

// acquire waits for the turn, or for a place under the caller's.
func (x *exchange) acquire() error {
	if nested, err := x.nestWithin(); nested || err != nil {
		return err
	}
	turn, err := x.gate.Locks.Acquire(x.patience(), x.ticket)
	if err != nil {
		return err
	}
	if turn.Outdated() && x.asksAgain() {
		turn.Release()
		return x.idChanged()
	}
	x.begin(turn)
	return nil
}

// noticeable is a wait in which a client may have left.
const noticeable = time.Millisecond

// begin takes the turn over. A barrier's has passed on already.
func (x *exchange) begin(turn *lockstore.Turn) {
	x.fence = turn.Fence()
	if turn.Local() {
		x.gate.Metrics.localTurns.Inc()
		x.localTurn = true
	}
	if x.policy.Lock == rules.Barrier {
		turn.Release()
		return
	}
	x.hold = startHold(x, turn)
}

// withoutTurnOr forwards a request whose turn did not come where that is
// allowed, and refuses it elsewhere.
func (x *exchange) withoutTurnOr(refusal *Refusal, allowed bool) error {
	if !x.wanted() {
		return errGone
	}
	if !allowed {
		return refusal
	}
	x.gate.Metrics.withoutTurn.WithLabelValues(string(refusal.Reason)).Inc()
	x.withoutTurn = true
	return nil
}

// waitTimedOut answers for a turn that did not come. How long the turns ahead
// will still last nobody knows; as long again as this request has waited for them
// is the best guess.
func (x *exchange) waitTimedOut() *Refusal {
	return &Refusal{
		Status:     http.StatusTooManyRequests,
		Reason:     ReasonWaitTimeout,
		Detail:     "Earlier requests of this session are still running.",
		RetryAfter: x.waited,
	}
}
