package proxy

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/dial"
)

// errNoServer is an upstream all of whose servers are being drained.
var errNoServer = errors.New("proxy: no server takes new requests")

// send runs the request on a server of the upstream. Where no connection can be
// made, or nothing was sent on it, the next server gets the request, each one
// once; the turn stays with it. What may have been sent is never sent again,
// whatever its method: it may be running, and its session would have two.
func (r *run) send() (*http.Response, error) {
	req := r.req
	var tried []*balance.Server
	var last error = &dial.Error{Address: r.upstream.Name, Err: errNoServer}
	for {
		slot, ok := r.upstream.Servers.Take(r.affinity, tried...)
		if !ok {
			return nil, last
		}
		if len(tried) > 0 {
			r.gate.Metrics.nextServer.WithLabelValues(r.upstream.Name).Inc()
			req = r.again(req)
		}
		resp, err := r.on(slot, req)
		unsent, ok := errors.AsType[*dial.Error](err)
		if !ok || !r.wanted() {
			return resp, err
		}
		r.leaveServer()
		tried, last = append(tried, slot.Server()), inTurn(last, unsent, len(tried))
	}
}

// on runs the request on one server.
func (r *run) on(slot balance.Slot, req *http.Request) (*http.Response, error) {
	server := slot.Server()
	r.slot, r.record.server = slot, server.Address
	resp, err := server.Transport.RoundTrip(req)
	if err == nil {
		slot.Connected()
	} else if unsent, ok := errors.AsType[*dial.Error](err); ok && unsent.ServerFault() {
		r.gate.Metrics.connectFailures.WithLabelValues(r.upstream.Name, server.Address).Inc()
		slot.Refused(unsent)
	}
	return resp, err
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

// wanted says whether somebody waits for an answer. A client that has left, or
// has been told that there is none in time, needs no other server.
func (r *run) wanted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.left && r.req.Context().Err() == nil
}

// leaveServer gives the slot back, where there is one.
func (r *run) leaveServer() {
	if r.slot.Server() != nil {
		r.slot.Leave()
		r.slot = balance.Slot{}
	}
}

// affinity is by what the upstream finds the server of a session; zero where it
// does not ask. All lock groups of a session go to one server.
func (x *exchange) affinity() balance.Key {
	if !x.upstream.Servers.BySession() {
		return balance.Key{}
	}
	key, _ := x.sessionKey()
	return balance.Key(key)
}
