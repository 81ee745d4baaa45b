package proxy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/admission"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// errQueueTimeout ends a wait for a slot that, with that for the turn, has
// lasted wait_timeout.
var errQueueTimeout = errors.New("proxy: wait_timeout passed before a slot was free")

// admit takes a slot of a server, and waits for one in the upstream's queue where
// none is free. The turn is kept meanwhile, no worker is; max_hold begins behind
// it. The slot goes over to the run, and is given back when that has ended.
func (x *exchange) admit() error {
	servers := x.upstream.Servers
	x.asks = x.slotRequest()
	var err error
	x.slot, err = servers.Take(x.asks)
	switch {
	case !errors.Is(err, balance.ErrFull):
	case x.policy.Shadow:
		x.wouldQueue()
		x.slot, err = servers.Force(x.asks)
	default:
		err = x.queue()
	}
	if servers.Bounded() {
		x.gate.Metrics.queue.Observe(x.queued.Seconds())
	}
	if err != nil {
		return x.slotRefusal(err)
	}
	if x.hold != nil {
		x.hold.endsWithin(x.policy.MaxHold)
	}
	return nil
}

// slotRequest is what the request asks for. Its session is only looked up where
// that finds the server; who waits needs it too.
func (x *exchange) slotRequest() balance.Request {
	r := balance.Request{Client: x.clientID, Priority: priorityOf(x.policy.Priority)}
	if x.call.by != nil { // whoever has called it keeps a slot for so long
		r.Client, r.Called = x.call.by.client, x.call.depth
	}
	if x.upstream.Servers.BySession() {
		r.Session = x.slotSession()
	}
	return r
}

// slotSession is the session's key, whether it is locked or not; zero without
// one. All lock groups of a session have the same, and go to one server.
func (x *exchange) slotSession() balance.Key {
	key, _ := x.sessionKey()
	return balance.Key(key)
}

// queue waits for a slot for as long as wait_timeout lets it. A client that leaves
// loses its place at once.
func (x *exchange) queue() error {
	began, limit := time.Now(), x.policy.WaitTimeout
	if limit > 0 && x.waited >= limit {
		return errQueueTimeout // nobody has to give way for a place of no use
	}
	x.asks.Session = x.slotSession()
	ctx, stop := waitAtMost(x.patience(), limit, x.waited)
	defer stop(nil)
	unhook := context.AfterFunc(x.gate.runs, func() { stop(errClosed) })
	defer unhook()
	x.hold.waits(stop)
	err := x.goAhead(ctx)
	if err == nil {
		x.slot, err = x.upstream.Servers.Acquire(ctx, x.asks)
	}
	x.queued = time.Since(began)
	if lapsed := x.hold.lapsed(); err == nil {
		err = lapsed
	}
	if err == nil && x.queued >= noticeable && !x.wanted() {
		return errGone
	}
	return err
}

// waitAtMost is a context that ends when a request has waited for as long as it
// may; 0 is no limit.
func waitAtMost(ctx context.Context, limit, waited time.Duration) (context.Context, context.CancelCauseFunc) {
	ctx, stop := context.WithCancelCause(ctx)
	if limit <= 0 {
		return ctx, stop
	}
	ctx, late := context.WithTimeoutCause(ctx, limit-waited, errQueueTimeout)
	return ctx, func(why error) {
		stop(why)
		late()
	}
}

// slotRefusal answers for a slot that did not come.
func (x *exchange) slotRefusal(err error) error {
	switch {
	case errors.Is(err, balance.ErrQueueFull):
		return x.queueRefusal(ReasonQueueFull, err)
	case errors.Is(err, errQueueTimeout), errors.Is(err, errTurnOver):
		return x.queueRefusal(ReasonQueueTimeout, err)
	case errors.Is(err, errClosed):
		return shuttingDown()
	case errors.Is(err, errLeaseLost):
		return leaseLost()
	case errors.Is(err, balance.ErrNoServer):
		err = noServer(x.upstream, err)
		x.gate.Metrics.upstreamError(x.upstream, kindOf(err))
		return upstreamRefusal(err)
	case errors.Is(err, errGone), x.r.Context().Err() != nil:
		return errGone
	}
	return err
}

// queueRefusal answers for a queue that is full, or has been for too long. Coming
// again makes sense when those who wait now have had their slots. Who waits for
// a slot of its own, while others may have one, is itself the reason.
func (x *exchange) queueRefusal(reason Reason, err error) *Refusal {
	rounds, own := x.upstream.Servers.Outlook(x.asks.Client)
	r := &Refusal{
		Status: http.StatusServiceUnavailable, Reason: reason, Detail: "The application is busy.",
		RetryAfter: x.upstream.pace.of(rounds), Err: err,
	}
	if own {
		r.Status, r.Reason, r.Detail = http.StatusTooManyRequests, ReasonClientSlots, "Too many requests of this client are running."
	}
	return r
}

func priorityOf(p rules.Priority) admission.Priority {
	switch p {
	case rules.High:
		return admission.High
	case rules.Low:
		return admission.Low
	case rules.Normal:
	}
	return admission.Normal
}
