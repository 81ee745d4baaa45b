package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/dial"
)

// send runs the request on the server whose slot it has. Where no connection can
// be made, or nothing was sent on it, the next server gets the request, each one
// once; the turn stays with it, and where no slot is free it waits. What may have
// been sent is never sent again, whatever its method: it may be running, and its
// session would have two.
func (r *run) send() (*http.Response, error) {
	req := r.req
	var tried []*balance.Server
	var last error
	for {
		resp, err := r.on(req)
		unsent, ok := errors.AsType[*dial.Error](err)
		if !ok || !r.wanted() {
			return resp, err
		}
		tried, last = append(tried, r.slot.Server()), inTurn(last, unsent, len(tried))
		if err := r.moveOn(tried); err != nil {
			return nil, unsentBecause(err, last)
		}
		r.gate.Metrics.nextServer.WithLabelValues(r.upstream.Name).Inc()
		req = r.again(req)
	}
}

// on runs the request on the server whose slot it has.
func (r *run) on(req *http.Request) (*http.Response, error) {
	server := r.slot.Server()
	r.record.server = server.Address
	resp, err := server.Transport.RoundTrip(req)
	if err == nil {
		r.slot.Connected()
	} else if unsent, ok := errors.AsType[*dial.Error](err); ok && unsent.ServerFault() {
		r.gate.Metrics.connectFailures.WithLabelValues(r.upstream.Name, server.Address).Inc()
		r.slot.Refused(unsent)
	}
	return resp, err
}

// moveOn changes the slot for one on another server. It fails where there is none,
// where nobody waits for it any more, and where the request must not be sent any
// more: its time, or its turn, is over.
func (r *run) moveOn(tried []*balance.Server) error {
	ctx, stop := waitAtMost(r.req.Context(), r.policy.WaitTimeout, r.record.waited+r.record.queued)
	defer stop(nil)
	began := time.Now()
	r.mu.Lock()
	unwanted := r.unwanted
	r.giveUp, r.moving = stop, began
	r.mu.Unlock()
	if unwanted {
		stop(errGone)
	}
	r.hold.waits(stop)
	slot := r.slot
	r.slot = balance.Slot{} // Next has it, whatever comes
	next, err := slot.Next(ctx, r.affinity, tried...)
	lapsed := r.hold.lapsed()
	waited := time.Since(began)
	r.mu.Lock()
	r.giveUp, r.moving, r.moved = nil, time.Time{}, r.moved+waited
	r.mu.Unlock()
	r.waitedForSlot(waited)
	r.slot = next
	if err != nil {
		return err
	}
	return lapsed
}

// waitedForSlot counts a wait as those of admit are.
func (r *run) waitedForSlot(d time.Duration) {
	r.record.queued += d
	if r.upstream.Servers.Bounded() {
		r.gate.Metrics.queue.Observe(d.Seconds())
	}
}

// unasked is how long the request has waited for other servers, since it was
// forwarded: no server was to answer then.
func (r *run) unasked() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.moving.IsZero() {
		return r.moved
	}
	return r.moved + time.Since(r.moving)
}

// unsentBecause is the error of a request that no server took: those of the
// servers that were tried, or what ended the search before.
func unsentBecause(err, last error) error {
	if errors.Is(err, errTurnOver) || errors.Is(err, errQueueTimeout) || errors.Is(err, errLeaseLost) {
		return fmt.Errorf("%w (%w)", err, last)
	}
	return last
}

// inTurn adds an error to those of the servers that were tried before.
func inTurn(last, next error, tried int) error {
	if tried == 0 {
		return next
	}
	return fmt.Errorf("%w; %w", last, next)
}

// again is the request once more, with its body from the beginning. The one
// before may not be touched: RoundTrip owned it.
func (r *run) again(req *http.Request) *http.Request {
	next := req.WithContext(req.Context())
	if req.Body != nil && req.Body != http.NoBody {
		next.Body = r.body.Reader()
	}
	return next
}

// wanted says whether the request is still to run. A client that has left, or
// has been told that there is no answer in time, needs no other server.
func (r *run) wanted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.unwanted && r.req.Context().Err() == nil
}

// leaveServer gives the slot back, where there is one.
func (r *run) leaveServer() {
	if r.slot.Server() != nil {
		r.slot.Leave()
		r.slot = balance.Slot{}
	}
	endAhead(r.ahead)
	r.ahead = nil
}
