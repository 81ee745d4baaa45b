package proxy

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/lockstore"
)

// record is what there is to say about a request when it is over. Handler, run
// and hold each fill in their part and then finish; the last one writes the
// access line. So that comes when the turn has ended, and Drain knows what
// is still under way.
type record struct {
	gate    *Gate
	setup   *setup    // as it was when the request came
	chosen  *Upstream // nil: none yet
	parties atomic.Int32

	// Written before anything is handed over.
	arrived   time.Time
	requestID string
	method    string
	host      string
	path      string
	address   string // the client's; "": it has none
	session   lockstore.Key
	caller    *caller // nil: the upstream got no token
	rule      string
	upstream  string        // "" until the request is forwarded
	waited    time.Duration // for the turn
	queued    time.Duration // for a slot

	// The handler's.
	stage         Stage
	status        int
	reason        Reason
	cause         error
	gone          bool
	cut           bool     // the answer was broken off
	limitName     string   // of the limit or cap that refused, or would have; "": none
	shadowRule    string   // the first that would have refused it; "": none
	shadowWait    bool     // it would have waited for its turn
	shadowQueued  bool     // it would have waited for a slot
	shadowOverlap bool     // it ran beside an earlier one of its session
	shadowRefused []Reason // for which it would have been refused
	withoutTurn   bool
	localTurn     bool
	loopback      Via // how it was known to belong to its caller's turn; "": it did not
	depth         int // of calls; 0: a client's
	sent          int64
	answered      time.Duration
	upgradedTo    string // the protocol; "" none
	received      int64  // bytes of the client, once upgraded

	// The run's.
	ran         time.Duration
	server      string // the one that was sent to last
	upstreamErr error

	// The hold's.
	held      time.Duration
	leaseLost bool
}

// newRecord begins one, for a party that will finish.
func newRecord(g *Gate) *record {
	rec := &record{gate: g, setup: g.enter(), arrived: time.Now(), stage: StageAccept}
	rec.parties.Store(1)
	g.open.add()
	return rec
}

// maxLogged is how much of a client's word is logged: refusals cost it next to
// nothing, and must not fill a disk.
const maxLogged = 1 << 10

func cutOff(text string) string {
	if len(text) <= maxLogged {
		return text
	}
	return text[:maxLogged] + "…"
}

// join adds a party that will finish.
func (rec *record) join() { rec.parties.Add(1) }

// finish ends a party's part.
func (rec *record) finish() {
	if rec.parties.Add(-1) == 0 {
		if rec.caller != nil {
			rec.gate.callers.leave(rec.caller)
		}
		if rec.setup.AccessLog {
			rec.log()
		}
		rec.leave()
		rec.gate.open.done()
	}
}

// choose keeps one upstream to the end of the request, and the others no more.
func (rec *record) choose(u *Upstream) {
	u.users.enter() // it is in the setup, and kept by that so far
	rec.setup.counting.enter()
	rec.chosen = u
	rec.setup.deciding.leave()
}

// leave lets go what is kept for the request.
func (rec *record) leave() {
	if rec.chosen != nil {
		rec.chosen.users.leave()
		rec.setup.counting.leave()
	} else {
		rec.setup.deciding.leave()
	}
}

// count counts what became of the client, as soon as that is known: a refusal
// must be seen while PHP is still running.
func (rec *record) count() {
	m := rec.gate.Metrics
	m.request(rec.rule, rec.status)
	if rec.gone {
		m.clientGone(rec.stage)
	}
	if rec.reason != "" {
		m.refused(rec.reason)
	}
}

func (rec *record) log() {
	e := rec.event()
	if rec.address != "" {
		e.Str("client", rec.address)
	}
	e.Str("request_id", rec.requestID).Str("method", rec.method).Str("host", rec.host).Str("path", rec.path).
		Int("status", rec.status).Int64("bytes", rec.sent).Dur("duration", rec.answered)
	if rec.session != (lockstore.Key{}) {
		e.Stringer("session", rec.session).Dur("wait", rec.waited).Dur("hold", rec.held)
	}
	if rec.queued > 0 {
		e.Dur("queued", rec.queued)
	}
	e.Str("stage", string(rec.stage))
	if rec.reason != "" {
		e.Str("reason", string(rec.reason))
	}
	if rec.limitName != "" {
		e.Str("limit", rec.limitName)
	}
	if rec.shadowRefused != nil {
		e.Strs("shadow_refused", texts(rec.shadowRefused))
	}
	if rec.shadowRule != "" {
		e.Str("shadow_rule", rec.shadowRule)
	}
	if rec.shadowWait {
		e.Bool("shadow_wait", true)
	}
	if rec.shadowQueued {
		e.Bool("shadow_queued", true)
	}
	if rec.shadowOverlap {
		e.Bool("shadow_overlap", true)
	}
	if rec.rule != "" {
		e.Str("rule", rec.rule)
	}
	if rec.withoutTurn {
		e.Bool("without_turn", true)
	}
	if rec.localTurn {
		e.Bool("local_turn", true)
	}
	if rec.loopback != "" {
		e.Str("loopback", string(rec.loopback)).Int("depth", rec.depth)
	}
	if rec.leaseLost {
		e.Bool("lease_lost", true)
	}
	if rec.cut {
		e.Bool("cut", true)
	}
	if rec.upgradedTo != "" {
		e.Str("upgraded", rec.upgradedTo).Int64("received", rec.received)
	}
	if rec.upstream != "" {
		e.Str("upstream", rec.upstream).Str("server", rec.server).Dur("ran", rec.ran)
	}
	if rec.upstreamErr != nil {
		e.AnErr("upstream_error", rec.upstreamErr)
	} else if rec.cause != nil {
		e.AnErr("error", rec.cause)
	}
	e.Msg("request")
}

// event opens the line: a warning where the request waited or held for long, or
// something failed.
func (rec *record) event() *zerolog.Event {
	g, s := rec.gate, rec.setup
	if s.SlowWait > 0 && rec.waited+rec.queued >= s.SlowWait || s.SlowHold > 0 && rec.held >= s.SlowHold || rec.upstreamErr != nil || rec.leaseLost || rec.reason == ReasonUpstreamSilent {
		return g.Log.Warn()
	}
	return g.Log.Info()
}

func texts(reasons []Reason) []string {
	all := make([]string, len(reasons))
	for i, r := range reasons {
		all[i] = string(r)
	}
	return all
}
