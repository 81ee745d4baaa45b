package lockstore

import "time"

// overlap is a turn beside which another gate's began, because Redis had
// forgotten its lease. Somebody has to count it: the turn itself, when it ends
// with ErrLost, or the call that gives its lease back.
type overlap struct {
	at       time.Duration
	released bool // the call that ends the lease was sent
}

// overlapped notes that another gate's turn has begun beside t, whose lease
// predates what Redis knows.
func (w *world) overlapped(t *simTurn) {
	t.overlap = &overlap{at: w.now}
}

// countLater notes that a turn ends that does not know of its overlap: the call
// that gives its lease back has to tell. Nothing is promised where Redis forgets
// once more, or is away: then it cannot.
func (g *simGate) countLater(t *simTurn) {
	if t.overlap != nil && g.w.upset <= t.overlap.at && !g.leases.anyAway() {
		g.uncounted[t.request.Key] = t.overlap
	}
}

// calls is told of every call: beside another one of the session that ends a
// lease cannot tell whose it was.
func (g *simGate) calls(c turnCall) {
	switch o := g.uncounted[c.key]; {
	case o == nil:
	case o.released, c.until.IsZero():
		delete(g.uncounted, c.key)
	default:
		o.released = true
	}
}

// released is told what has become of a call: only the first one that ends a
// lease can tell, in time.
func (g *simGate) released(c turnCall, err error) {
	if !c.until.IsZero() && (err != nil || !g.leases.clock.now().Before(c.until)) {
		delete(g.uncounted, c.key)
	}
}

// simEvents are those of a store that the simulation looks at.
func (g *simGate) simEvents() Events {
	return Events{
		Overlapped: func(k Key) {
			g.w.logf("%s: the lease of session %d was not its own", g.name, k[0])
			if g.w.upset < 0 && g.w.faults.twice == 0 { // a release that ran before itself: no Redis does so
				g.w.failf("%s: the lease of session %d counts as lost, and Redis has forgotten nothing", g.name, k[0])
			}
			delete(g.uncounted, k)
		},
		Away: func(err error) {
			if err != nil {
				clear(g.uncounted)
			}
		},
	}
}

// checkCounted: every overlap was counted that could be.
func (w *world) checkCounted() {
	for _, g := range w.gates {
		for k, o := range g.uncounted {
			if w.upset <= o.at {
				w.failf("%s: nobody has counted that session %d was another's at %v", g.name, k[0], o.at)
			}
		}
	}
}
