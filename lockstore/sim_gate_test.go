package lockstore

import (
	"errors"
	"fmt"
	"time"
)

// simGate is a gate of the simulation: the real leases on a simulated clock and
// network.
type simGate struct {
	w       *world
	name    string
	leases  *leases
	inbox   *inbox
	skew    time.Duration // of its clock
	tickets []*simTicket  // that wait, in order of arrival
	gone    time.Duration // when a request has left last

	crashed, paused bool
	cut             bool // does not reach Redis
	deaf            bool // hears no messages, and Redis knows
	deferred        []*happening
	outgoing        []simCall
	uncounted       map[Key]*overlap
}

// simTicket is a request that waits.
type simTicket struct {
	*ticket
	number  int
	arrived time.Duration
	came    int64 // what had happened by then, to put events of one instant in order
	hold    time.Duration
}

// simTurn is an exclusive turn that runs.
type simTurn struct {
	*simTicket
	gate    *simGate
	token   uint64
	takenAt time.Duration
	began   int64
	clash   string   // the turn of another gate that began meanwhile
	overlap *overlap // the same, where Redis had forgotten this one's lease
}

func (w *world) addGate() *simGate {
	g := &simGate{w: w, uncounted: make(map[Key]*overlap), name: fmt.Sprintf("g%d", len(w.named)), skew: w.between(-time.Second, time.Second)}
	c := clock{
		now: func() time.Time { return epoch.Add(w.now + g.skew) },
		afterFunc: func(d time.Duration, f func()) func() bool {
			h := w.at(d, g, f)
			return func() bool { h.off = true; return true }
		},
	}
	g.leases = newLeases(Limits{}, simTiming, c, g.simEvents())
	g.leases.jitter = func(d time.Duration) time.Duration { return d - time.Duration(w.rng.Int64N(int64(d)/5+1)) }
	g.leases.transport = g
	g.inbox = &inbox{leases: g.leases}
	w.gates = append(w.gates, g)
	w.named[g.name] = g
	w.at(w.between(0, pingEvery), g, g.ping)
	return g
}

// ping is what watch.go does: it notices that Redis is away, and that it is back.
func (g *simGate) ping() {
	sent := g.leases.clock.now()
	if g.w.away || g.cut {
		g.w.at(simTiming.timeout, g, func() { g.leases.failed(Key{}, sent, errSimulated) })
	} else {
		for gone := range g.leases.awayServers() {
			g.w.logf("%s is back", g.name)
			g.leases.back(gone)
		}
	}
	if !g.w.finished() {
		g.w.at(pingEvery, g, g.ping)
	}
}

// planRequests has bursts of requests come to the gates.
func (w *world) planRequests() {
	burst := time.Duration(0)
	for n := range 5 + w.rng.IntN(12) {
		if n == 0 || w.rng.IntN(5) == 0 {
			burst = w.between(0, 9*time.Second)
		}
		slot := w.rng.IntN(len(w.gates))
		w.at(burst+w.between(0, 30*time.Millisecond), nil, func() {
			g := w.gates[slot]
			w.at(0, g, func() { g.arrive(n) })
		})
	}
}

// arrive brings a request to the gate.
func (g *simGate) arrive(n int) {
	w := g.w
	r := Request{Key: w.keys[w.rng.IntN(len(w.keys))]}
	if w.rng.IntN(4) == 0 {
		r.Mode = Barrier
	}
	r.RejectBusy = w.rng.IntN(10) == 0
	r.NoFallback = w.rng.IntN(4) == 0
	t, err := g.leases.enter(r)
	w.logf("%s: request %d of session %d arrives: mode %d, reject busy %v, no fallback %v: %v", g.name, n, r.Key[0], r.Mode, r.RejectBusy, r.NoFallback, err)
	if err != nil {
		return
	}
	s := &simTicket{ticket: t, number: n, arrived: w.now, came: w.mark(), hold: w.between(0, 150*time.Millisecond)}
	if w.rng.IntN(8) == 0 {
		s.hold = w.between(0, 6*time.Second)
	}
	g.tickets = append(g.tickets, s)
	if w.rng.IntN(1000) < w.faults.leave {
		w.at(w.between(0, 60*time.Millisecond), g, func() { g.depart(s) })
	}
}

func (g *simGate) depart(s *simTicket) {
	if !g.leases.depart(s.ticket) {
		return
	}
	g.w.logf("%s: request %d leaves", g.name, s.number)
	g.gone = g.w.now
	for i, other := range g.tickets {
		if other == s {
			g.tickets = append(g.tickets[:i:i], g.tickets[i+1:]...)
			return
		}
	}
}

// settle takes in which tickets have got their turns, or will not.
func (g *simGate) settle() {
	waits := make(map[Key]*simTicket)
	still := g.tickets[:0]
	for _, s := range g.tickets {
		switch before := waits[s.request.Key]; {
		case !s.settled():
			waits[s.request.Key] = s
			still = append(still, s)
		case s.err != nil:
			g.refused(s)
		case before != nil:
			g.w.failf("%s: request %d runs before request %d, which came first", g.name, s.number, before.number)
		default:
			g.w.begun(g, s)
		}
	}
	clear(g.tickets[len(still):])
	g.tickets = still
}

func (g *simGate) refused(s *simTicket) {
	g.w.logf("%s: request %d is refused: %v", g.name, s.number, s.err)
	g.gone = g.w.now
	busy := s.request.RejectBusy && errors.Is(s.err, ErrBusy)
	away := s.request.NoFallback && errors.Is(s.err, ErrAway)
	if !busy && !away {
		g.w.failf("%s: request %d did not ask for %v", g.name, s.number, s.err)
	}
}

// finish ends a turn.
func (g *simGate) finish(t *simTurn) {
	w := g.w
	g.countLater(t)
	if w.rng.IntN(6) == 0 {
		t.turn.Outdate()
	}
	t.turn.Release()
	cause := t.turn.Cause()
	w.recordEnd(t, errors.Is(cause, ErrLost))
	if errors.Is(cause, ErrLost) {
		delete(g.uncounted, t.request.Key)
	}
	w.logf("%s: turn %d ends: %v", g.name, t.number, cause)
	for i, other := range w.running {
		if other == t {
			w.running = append(w.running[:i:i], w.running[i+1:]...)
			break
		}
	}
	if t.clash != "" && !errors.Is(cause, ErrLost) {
		w.failf("%s: turn %d ends without knowing that %s has begun", g.name, t.number, t.clash)
	}
}

// believes says that the gate takes the lease behind a turn for its own.
func (t *simTurn) believes() bool {
	l := t.gate.leases.bySession[t.request.Key]
	return !t.turn.local && t.turn.Cause() == nil && l != nil && l.running == t.turn && l.state == holding && !l.due(l.deadline)
}

func (g *simGate) crash() {
	w := g.w
	w.logf("%s crashes", g.name)
	g.crashed, w.crashed = true, true
	for i := len(w.running) - 1; i >= 0; i-- {
		if t := w.running[i]; t.gate == g {
			w.recordEnd(t, true)
			t.turn.conclude(errSimulated)
			w.running = append(w.running[:i:i], w.running[i+1:]...)
		}
	}
	g.tickets = nil
	for slot, other := range w.gates {
		if other == g {
			next := w.addGate()
			w.gates = w.gates[:len(w.gates)-1]
			w.gates[slot] = next
		}
	}
}

// resume lets all that has come meanwhile happen at once, in any order.
func (g *simGate) resume() {
	if !g.paused {
		return
	}
	g.w.logf("%s goes on", g.name)
	g.paused = false
	g.w.rng.Shuffle(len(g.deferred), func(i, j int) { g.deferred[i], g.deferred[j] = g.deferred[j], g.deferred[i] })
	for _, h := range g.deferred {
		g.w.at(0, g, func() {
			if !h.off {
				h.do()
			}
		})
	}
	g.deferred = nil
}
