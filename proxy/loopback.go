package proxy

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/sessiongate/sessiongate/proxy/loopback"
)

// LoopbackHeader carries a request's token to the upstream. PHP passes it on when
// it calls its own site and waits for the answer; without it that request would
// wait for the turn of the one that waits for it.
const LoopbackHeader = "X-Sessiongate-Loopback"

// Via is how a loopback request was recognised, as the label of loopback_total
// and in the access line.
type Via string

const (
	ViaHeader    Via = "header"     // by a token of this gate
	ViaOtherGate Via = "other_gate" // by the token of a gate of the same secret
	ViaAddress   Via = "address"    // by its peer, one of server.loopback_from
)

// Vias lists them, for metrics and docs.
func Vias() []Via { return []Via{ViaHeader, ViaOtherGate, ViaAddress} }

// Unused says why a token was of no use, as the label of loopback_unused_total:
// the request is an ordinary one.
type Unused string

const (
	UnusedInvalid Unused = "invalid" // not a token of these gates
	UnusedExpired Unused = "expired" // of another gate, and longer ago than max_hold
	UnusedOver    Unused = "over"    // the caller has ended, or needs its turn no more
	UnusedSession Unused = "session" // the caller's turn is another session's
)

// Unuseds lists them, for metrics and docs.
func Unuseds() []Unused { return []Unused{UnusedInvalid, UnusedExpired, UnusedOver, UnusedSession} }

// call is what is known of the request from which an exchange was called.
type call struct {
	by    *caller // nil: a client, as far as is known
	under *caller // whose turn the request runs under; nil: it needs one of its own
	via   Via     // "" where by is nil
	depth int     // of calls; 0: a client's
}

// maxTokenLife is how long another gate believes a token where no max_hold says.
const maxTokenLife = 10 * time.Minute

// findCaller finds out whether a request comes from one that waits for it.
func (x *exchange) findCaller() error {
	if lines := x.r.Header[LoopbackHeader]; len(lines) > 0 {
		if err := x.callerByToken(lines); err != nil || x.call.by != nil {
			return err
		}
	}
	x.callerByAddress()
	return nil
}

// callerByToken reads the token. Each one that was given to an application
// counts for the depth, also where its request is over.
func (x *exchange) callerByToken(lines []string) error {
	token, err := x.gate.Loopback.Verify(lines[0], time.Now())
	if len(lines) > 1 || errors.Is(err, loopback.ErrInvalid) {
		x.unused(UnusedInvalid)
		return nil
	}
	own := token.Gate == x.gate.callers.gate
	if err != nil && !own { // of its own tokens the gate knows better
		x.unused(UnusedExpired)
		return nil
	}
	x.call.depth = int(token.Depth) + 1
	if err := x.tooDeep(); err != nil {
		return err
	}
	by := x.gate.callers.find(token)
	if by == nil {
		x.unused(UnusedOver)
		return nil
	}
	x.call.by, x.call.via = by, ViaHeader
	if !own {
		// For whom only that gate knows. A backend is one client, as is who has
		// come by a token of a request that has ended long ago.
		x.call.via, by.client = ViaOtherGate, x.clientID
	}
	if !x.locked {
		return nil // whom it calls in turn may need the token
	}
	if x.call.under = by.holder(x.ticket.Key); x.call.under != nil {
		return nil
	}
	if by.token.Session == x.ticket.Key {
		x.unused(UnusedOver)
	} else {
		x.unused(UnusedSession)
	}
	return nil
}

// callerByAddress takes whatever a backend sends to its own site for a call of
// the request that has the session's turn here. Whom the trusted proxies speak
// for is somebody else.
func (x *exchange) callerByAddress() {
	if !x.locked || x.client.Trusted || !x.setup.LoopbackFrom.ContainsPeer(x.r.RemoteAddr) {
		return
	}
	if c := x.gate.callers.withTurn(x.ticket.Key); c != nil && c.hold.needed() {
		x.call = call{by: c, under: c, via: ViaAddress, depth: int(c.token.Depth) + 1}
	}
}

// tooDeep refuses what would go round for ever.
func (x *exchange) tooDeep() error {
	limit := x.setup.MaxLoopbackDepth
	if limit <= 0 || x.call.depth <= limit {
		return nil
	}
	return &Refusal{
		Status: http.StatusLoopDetected,
		Reason: ReasonLoopbackDepth,
		Detail: "A page of this site calls itself.",
		Err:    fmt.Errorf("proxy: the site has called itself %d deep", x.call.depth),
	}
}

func (x *exchange) unused(why Unused) {
	x.gate.Metrics.loopbackUnused.WithLabelValues(string(why)).Inc()
}

// becomeCaller makes the token by which the upstream may call its own site. One
// that runs without a turn gets its caller's, for those whom it calls.
func (x *exchange) becomeCaller() {
	c := &caller{hold: x.hold, by: x.call.by, client: x.clientID}
	if c.by != nil {
		c.client = c.by.client
	}
	if x.policy.Shadow {
		c.hold = nil // nobody waits for it
	}
	if c.hold == nil && c.by == nil {
		return
	}
	c.token = loopback.Token{Fence: x.fence, Session: x.session, Depth: uint16(min(x.call.depth, math.MaxUint16)), Expires: x.tokenEnd()}
	if c.hold == nil {
		c.token.Session, c.token.Fence = c.by.token.Session, c.by.token.Fence
	}
	x.gate.callers.enter(c)
	x.caller = c
	x.token = x.gate.Loopback.Sign(c.token)
}

// tokenEnd is when the turn ends at the latest.
func (x *exchange) tokenEnd() time.Time {
	life := x.policy.MaxHold
	if life <= 0 {
		life = maxTokenLife
	}
	end := time.Now().Add(life)
	if by := x.call.by; by != nil && by.token.Expires.Before(end) {
		end = by.token.Expires
	}
	return end
}
