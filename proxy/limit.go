package proxy

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessiongate/sessiongate/limiter"
)

// limit asks the rate limits that apply, once a request, and takes its places
// among the requests that are in the gate. Nothing of the body has been read.
func (x *exchange) limit() error {
	apply := &x.setup.apply[x.policy.Number]
	if len(apply.limiters)+len(apply.caps) == 0 {
		return nil
	}
	a := askings.Get().(*asking)
	defer askings.Put(a)
	if err := x.askLimits(a, apply); err != nil {
		return err
	}
	return x.enter(a, apply)
}

// asking is what one request needs for a moment to ask its limits.
type asking struct {
	asks   []limiter.Ask
	places []limiter.Place
	text   []byte
}

var askings = sync.Pool{New: func() any { return new(asking) }}

// askLimits refuses what comes too fast.
func (x *exchange) askLimits(a *asking, apply *applying) error {
	a.asks = a.asks[:0]
	for _, l := range apply.limiters {
		if key, ok := x.limitKey(l.Limit().Key, apply); ok {
			a.asks = append(a.asks, limiter.Ask{Limiter: l, Key: key, Shadow: x.policy.Shadow})
		}
	}
	if len(a.asks) == 0 {
		return nil
	}
	passes := x.setup.Limits.Take(x.r.Context(), time.Now(), a.asks)
	x.quotas = quotasOf(a)
	refusal := limiter.Refusal(a.asks)
	for i := range a.asks {
		if ask := &a.asks[i]; ask.Refuses() || ask.WouldRefuse() {
			x.overLimit(ask.Limiter.Limit().Name, ask.Refuses())
		}
	}
	if passes {
		return nil
	}
	return &Refusal{
		Status:     http.StatusTooManyRequests,
		Reason:     ReasonRateLimited,
		Detail:     "Too many requests in a short time.",
		RetryAfter: refusal.Decision.RetryAfter,
		Known:      true,
		Violated:   violated(a.asks),
	}
}

// overLimit notes that a limit refuses the request, or would.
func (x *exchange) overLimit(name string, enforced bool) {
	x.gate.Metrics.limitRefused.WithLabelValues(name, boolText(enforced)).Inc()
	x.beyond(ReasonRateLimited, name, enforced)
}

// violated names the limits that refuse.
func violated(asks []limiter.Ask) (names []string) {
	for i := range asks {
		if asks[i].Refuses() {
			names = append(names, asks[i].Limiter.Limit().Name)
		}
	}
	return names
}

// enter refuses what is too much at once. The places are the handler's, and with
// shareCaps the run's, too.
func (x *exchange) enter(a *asking, apply *applying) error {
	a.places = a.places[:0]
	for _, c := range apply.caps {
		if key, ok := x.limitKey(c.Concurrency().Key, apply); ok {
			a.places = append(a.places, limiter.Place{Cap: c, Key: key, Shadow: x.policy.Shadow})
		}
	}
	if len(a.places) == 0 {
		return nil
	}
	leave, full := limiter.Enter(a.places)
	x.leaveCaps = leave
	for i := range a.places {
		if p := &a.places[i]; p.Full {
			x.overCap(p.Cap.Concurrency().Name, p == full)
		}
	}
	if full == nil {
		return nil
	}
	return &Refusal{
		Status:     http.StatusTooManyRequests,
		Reason:     ReasonConcurrencyFull,
		Detail:     "Too many requests at once.",
		RetryAfter: retryDelay,
		Violated:   []string{full.Cap.Concurrency().Name},
	}
}

// overCap notes that a cap refuses the request, or would.
func (x *exchange) overCap(name string, enforced bool) {
	x.gate.Metrics.capRefused.WithLabelValues(name, boolText(enforced)).Inc()
	x.beyond(ReasonConcurrencyFull, name, enforced)
}

// beyond records which limit, and logs it now and then: who is limited comes often.
func (x *exchange) beyond(reason Reason, limit string, enforced bool) {
	if x.limitName == "" || enforced {
		x.limitName = limit
	}
	if !enforced {
		x.wouldRefuse(reason)
		return
	}
	x.gate.limited.Warn().Str("reason", string(reason)).Str("limit", limit).Str("rule", x.rule).Str("client", x.clientID).
		Msg("request refused by a limit; of several in a second one is logged")
}

// The words of limits[].key and concurrency[].key.
const (
	keyClient    = "client"
	keySession   = "session"
	keyUserAgent = "user_agent"
	keyRule      = "rule"
)

// limitKey is what the request is counted under; ok is false where it has no such
// thing: no session. Clients without an address are one. Keys that a client may
// make up come with its network, which stands in for them where they are too many.
func (x *exchange) limitKey(word string, apply *applying) (key limiter.Key, ok bool) {
	switch word {
	case keyClient:
		return limiter.ClientKey(x.client.Addr), true
	case keySession:
		session, ok := x.sessionKey()
		return limiter.HashKey(session).From(x.client.Addr), ok
	case keyUserAgent:
		return userAgentKey(x.r.Header).From(x.client.Addr), true
	case keyRule:
		return apply.rule.From(x.client.Addr), true
	}
	return limiter.All.From(x.client.Addr), true
}

// shareCaps has the places of caps last until both have ended, the handler and the
// run that gets what is returned: a client that leaves again and again could
// otherwise have more at PHP than it may. nil: there are none.
func (x *exchange) shareCaps() func() {
	if x.leaveCaps == nil {
		return nil
	}
	leave := x.leaveCaps
	var left atomic.Bool
	x.leaveCaps = func() {
		if left.Swap(true) {
			leave()
		}
	}
	return x.leaveCaps
}
