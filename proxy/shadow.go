package proxy

import (
	"slices"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/lockstore"
)

// wouldRefuse notes a refusal that is not enforced, once for each reason.
func (x *exchange) wouldRefuse(reason Reason) {
	if slices.Contains(x.shadowRefused, reason) {
		return
	}
	x.shadowRefused = append(x.shadowRefused, reason)
	x.gate.Metrics.shadowRefused.WithLabelValues(string(reason)).Inc()
	x.describe(x.gate.shadowed.Info()).Str("reason", string(reason)).Str("limit", x.limitName).
		Msg("request would have been refused, were it enforced; of several in a second one is logged")
}

// wouldQueue notes a wait for a slot that is not enforced.
func (x *exchange) wouldQueue() {
	x.shadowQueued = true
	x.gate.Metrics.shadowQueued.Inc()
	x.describe(x.gate.unqueued.Info()).Str("upstream", x.upstream.Name).
		Msg("request would have waited for a slot, were it enforced; of several in a second one is logged")
}

// describe says whose request a line is about.
func (x *exchange) describe(e *zerolog.Event) *zerolog.Event {
	if x.session != (lockstore.Key{}) {
		e.Stringer("session", x.session)
	}
	return e.Str("rule", x.rule).Str("client", x.clientID).Str("path", x.path)
}

// passRefusals goes by the rules that would refuse the request and are not
// enforced: those behind them decide.
func (x *exchange) passRefusals(request *rules.Request) {
	for x.policy.Reject && x.policy.Shadow {
		x.rule = x.policy.Rule
		if x.shadowRule == "" {
			x.shadowRule = x.policy.Rule
		}
		x.wouldRefuse(ReasonRule)
		x.policy = x.setup.Rules.Behind(x.policy, request)
	}
}

// runBeside lets a request run that needs a turn and takes none. It holds nobody
// up; what it has is only watched.
func (x *exchange) runBeside() {
	if x.call.by != nil || !x.client.Trusted && x.setup.LoopbackFrom.ContainsPeer(x.r.RemoteAddr) {
		return // of its own site: it would have run under the turn of who called it
	}
	if x.policy.Lock == rules.Barrier {
		x.see()
		return
	}
	x.hold = startHold(x, lockstore.NewTurn(lockstore.TurnOptions{}))
}

// see takes in a request that runs from now on, and notes what would have become
// of it. It returns nil where nobody watches, and for a barrier.
func (x *exchange) see() *sighting {
	if !x.setup.shadow && x.gate.shadows.unenforced.Load() == 0 { // of a setup before, some may be running
		return nil
	}
	s, saw := x.gate.shadows.see(x.ticket, x.policy.Shadow)
	if saw.refused != "" {
		x.wouldRefuse(saw.refused)
	}
	if saw.waits {
		x.shadowWait = true
		x.gate.Metrics.shadowWaits.Inc()
	}
	if saw.overlaps {
		x.shadowOverlap = true
		x.gate.Metrics.shadowOverlaps.Inc()
		x.describe(x.gate.overlapped.Info()).Bool("enforced", !x.policy.Shadow).
			Msg("request ran beside an earlier one of its session, for which it would have waited, were it enforced; of several in a second one is logged")
	}
	return s
}
