package proxy

import (
	"slices"

	"github.com/sessiongate/sessiongate/lockstore"
)

// wouldRefuse notes a refusal that is not enforced, once for each reason.
func (x *exchange) wouldRefuse(reason Reason) {
	if slices.Contains(x.shadowRefused, reason) {
		return
	}
	x.shadowRefused = append(x.shadowRefused, reason)
	x.gate.Metrics.shadowRefused.WithLabelValues(string(reason)).Inc()
	e := x.gate.shadowed.Info()
	if x.session != (lockstore.Key{}) {
		e.Stringer("session", x.session)
	}
	e.Str("reason", string(reason)).Str("limit", x.limitName).Str("rule", x.rule).Str("client", x.clientID).Str("path", x.path).
		Msg("request would have been refused, were it enforced; of several in a second one is logged")
}
