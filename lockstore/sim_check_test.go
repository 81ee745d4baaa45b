package lockstore

import (
	"fmt"
	"time"
)

// observe holds the world to its invariants after everything that happens.
func (w *world) observe() {
	for _, g := range w.gates {
		if !g.paused {
			g.settle()
		}
	}
	for i, t := range w.running {
		if !t.believes() || w.predates(t) {
			continue
		}
		w.checkRedisAgrees(t)
		for _, other := range w.running[i+1:] {
			if other.gate != t.gate && other.request.Key == t.request.Key && other.believes() && !w.predates(other) {
				w.failf("%s and %s both hold session %d: turns %d and %d", t.gate.name, other.gate.name, t.request.Key[0], t.number, other.number)
			}
		}
	}
	if w.quiet > 0 {
		for _, k := range w.keys {
			w.checkIdle(k)
		}
	}
}

// predates says that a turn's lease was given before Redis forgot, or set its
// clock forward: nothing is promised then.
func (w *world) predates(t *simTurn) bool {
	return t.takenAt <= w.upset || w.faults.forward && w.step > 0
}

// checkRedisAgrees: who believes to hold is the holder in Redis, too.
func (w *world) checkRedisAgrees(t *simTurn) {
	s := w.redis.sessions[t.request.Key]
	l := t.gate.leases.bySession[t.request.Key]
	if s != nil && s.token > l.token && w.byThemselves && w.upset >= 0 {
		// A clock that was ahead has made a fence of a local turn, and that a
		// token: a lease from before the upset was restored over this one.
		if t.overlap == nil {
			w.overlapped(t)
		}
		return
	}
	if s == nil || s.owner != t.gate.name || s.token != l.token || s.leaseUntil <= w.redisNow() {
		w.failf("%s believes to hold session %d by token %d until %v, and Redis says: %s", t.gate.name, t.request.Key[0], l.token, l.deadline.Sub(epoch), s)
	}
}

// begun: a ticket has got its turn.
func (w *world) begun(g *simGate, s *simTicket) {
	k := s.request.Key
	t := &simTurn{simTicket: s, gate: g, began: w.mark()}
	w.logf("%s: turn %d of session %d begins, fence %d, local %v", g.name, s.number, k[0], s.turn.fence, s.turn.local)
	if s.turn.local {
		t.takenAt, w.byThemselves = w.now, true
		if s.request.NoFallback {
			w.failf("%s: request %d runs without Redis and did not want to", g.name, s.number)
		}
	} else {
		w.checkLease(t)
		w.checkFence(t)
	}
	for _, other := range w.running {
		if other.request.Key == k {
			w.checkBeside(t, other)
		}
	}
	if w.faults.none() {
		w.checkOrder(t)
	}
	w.recordBegin(t)
	if s.request.Mode != Exclusive {
		w.recordEnd(t, false)
		s.turn.Release()
		return
	}
	w.running = append(w.running, t)
	w.at(s.hold, g, func() { g.finish(t) })
}

// checkLease: Redis has given the lease of a turn to this gate's conversation.
func (w *world) checkLease(t *simTurn) {
	l := t.gate.leases.bySession[t.request.Key]
	if l == nil || l.running != t.turn { // a barrier's: it has passed the turn on already
		for name, from := range w.taken {
			if name.key == t.request.Key && name.token <= t.turn.fence && from.owner == t.gate.name && name.token > t.token {
				t.token, t.takenAt = name.token, from.at
			}
		}
		return
	}
	from, ok := w.taken[leaseName{t.request.Key, l.token}]
	t.token, t.takenAt = l.token, from.at
	if !ok || from.owner != t.gate.name || from.conversation != l.conversation {
		w.failf("%s: turn %d runs by token %d of conversation %d, which Redis gave to %+v", t.gate.name, t.number, l.token, l.conversation, from)
	}
}

// checkFence: fences rise from turn to turn, as long as Redis and its clock do
// and no gate gives turns by itself.
func (w *world) checkFence(t *simTurn) {
	last := w.watermark[t.request.Key]
	if w.faults.back || w.byThemselves || w.predates(t) {
		return
	}
	if t.turn.fence <= last.fence {
		w.failf("%s: turn %d has fence %d after %d", t.gate.name, t.number, t.turn.fence, last.fence)
	}
	w.watermark[t.request.Key] = mark{fence: t.turn.fence, at: w.now}
}

// checkBeside: a turn begins while another runs.
func (w *world) checkBeside(t, other *simTurn) {
	switch {
	case other.gate == t.gate:
		w.failf("%s: turn %d begins beside turn %d", t.gate.name, t.number, other.number)
	case t.turn.local || other.turn.local || w.predates(t):
	case w.predates(other):
		w.overlapped(other)
	case other.believes():
		w.failf("%s: turn %d begins while %s holds for turn %d", t.gate.name, t.number, other.gate.name, other.number)
	default:
		other.clash = fmt.Sprintf("turn %d of %s", t.number, t.gate.name)
	}
}

// slack is what messages and calls take without faults, several of them.
const slack = 20 * time.Millisecond

// checkOrder: without faults, who has come first in any gate goes first. Where a
// request leaves while its grant is under way, the next one of its gate runs.
func (w *world) checkOrder(t *simTurn) {
	if t.gate.gone > 0 && w.now-t.gate.gone < slack {
		return
	}
	for _, g := range w.gates {
		for _, s := range g.tickets {
			if s.request.Key == t.request.Key && !s.settled() && s.arrived+slack < t.arrived {
				w.failf("%s: turn %d begins before %s's request %d, which came %v earlier", t.gate.name, t.number, g.name, s.number, t.arrived-s.arrived)
			}
		}
	}
}

// checkIdle: nobody waits for long for a session in which nobody runs.
func (w *world) checkIdle(k Key) {
	since, idle := w.idleSince[k]
	if !w.waitsInVain(k) {
		delete(w.idleSince, k)
		return
	}
	if !idle {
		w.idleSince[k] = w.now
		return
	}
	if w.now-since > w.idleBound() {
		w.failf("session %d is idle for %v while somebody waits", k[0], w.now-since)
	}
}

func (w *world) waitsInVain(k Key) bool {
	for _, t := range w.running {
		if t.request.Key == k {
			return false
		}
	}
	for _, g := range w.gates {
		for _, s := range g.tickets {
			if s.request.Key == k {
				return true
			}
		}
	}
	return false
}

// idleBound is what is promised: nothing but messages without faults; a poll
// after anything that was lost; the lease of a gate that has crashed.
func (w *world) idleBound() time.Duration {
	if w.faults.none() {
		return slack
	}
	d := simTiming.timeout + simTiming.retry + simTiming.poll + slack
	if w.faults.away || w.faults.cut {
		d += pingEvery + simTiming.timeout
	}
	if w.crashed {
		d += simTiming.ttl
	}
	return d + max(-w.step, 0)
}

// finished says that nobody is left.
func (w *world) finished() bool {
	if w.quiet == 0 || w.now < upsetsEnd+2*time.Second || len(w.running) > 0 {
		return false
	}
	for _, g := range w.gates {
		if len(g.tickets) > 0 || g.leases.anyAway() {
			return false
		}
	}
	return true
}

// checkEnd: everybody was served, nothing is left, and some order explains it.
func (w *world) checkEnd() {
	w.checkHistory()
	w.checkCounted()
	if !w.finished() {
		w.failf("somebody waits for ever")
	}
	for _, g := range w.gates {
		if n := g.leases.count(); n != (counts{}) || len(g.leases.crowd.byClient) > 0 {
			w.failf("%s: %+v is left", g.name, n)
		}
	}
}
