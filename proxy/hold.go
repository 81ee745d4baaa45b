package proxy

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

// hold is a turn that a request has, from its beginning to its end. It is the
// only place that gives turns back. Loopback requests have holds that are nested
// in their caller's: see nest.
type hold struct {
	gate   *Gate
	record *record
	turn   *lockstore.Turn
	inner  bool // the turn is only one in its caller's line
	began  time.Time
	shadow bool      // nobody waits for it
	seen   *sighting // by those who watch what is not enforced; nil: nobody does

	mu     sync.Mutex
	over   bool // the request needs the turn no more; nested ones may
	ended  bool // the turn was given back
	moved  bool // the session has got another id
	cutOff bool // the gate's end has cut off what the turn was for
	lost   bool
	after  func()                  // called once when the turn has ended; may be nil
	cut    func()                  // called when the lease is lost; may be nil
	giveUp context.CancelCauseFunc // ends the request's wait for a slot; nil: it does not wait
	unhook func() bool             // takes the delay off the gate's end; nil without
	limit  *time.Timer             // max_hold; nil without
	delay  *time.Timer             // release_delay or hold=…; nil until the upstream is done
	latest time.Time               // when limit ends it; zero without
	until  time.Time               // when limit or delay ends it; zero without

	caller *hold              // in which this one is nested; nil: none
	among  int                // how many nested ones there were with this one
	nested map[*hold]struct{} // nil without
}

// startHold begins a hold.
func startHold(x *exchange, turn *lockstore.Turn) *hold {
	h := newHold(x, turn)
	h.shadow, h.seen = x.policy.Shadow, x.see()
	turn.WhenLost(h.lose)
	return h
}

func newHold(x *exchange, turn *lockstore.Turn) *hold {
	h := &hold{gate: x.gate, record: x.record, turn: turn, began: time.Now()}
	h.record.join()
	return h
}

// endsWithin ends the hold after max_hold at the latest; 0 is no limit. It is
// called when the request is about to run: while that waits for a slot nobody of
// the session runs, and who waits has a bound of its own.
func (h *hold) endsWithin(limit time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if limit > 0 && !h.ended {
		h.latest = time.Now().Add(limit)
		h.until = h.latest
		h.limit = time.AfterFunc(limit, h.exceed)
	}
}

// end says that the request needs the turn no more. It is given back now, or
// when the last nested hold has ended. Only the first call of end and abandon has
// an effect.
func (h *hold) end() { h.conclude(false) }

// abandon ends a turn whose time is not over, because the gate ends: PHP may be
// running on. Where other gates share the session, they wait for as long as the
// turn would have lasted.
func (h *hold) abandon() { h.conclude(true) }

func (h *hold) conclude(cutOff bool) {
	h.mu.Lock()
	if h.over {
		h.mu.Unlock()
		return
	}
	h.over = true
	h.cutOff = h.cutOff || cutOff
	kept := len(h.nested) > 0
	if kept {
		h.until = h.latest // no delay counts while nested ones run
	}
	h.mu.Unlock()
	if !kept {
		h.finish()
	}
}

// finish gives the turn back; false: it has been.
func (h *hold) finish() bool {
	h.mu.Lock()
	if h.ended {
		h.mu.Unlock()
		return false
	}
	h.over, h.ended = true, true
	var rest time.Duration
	if h.cutOff && !h.lost { // else the lease is another's
		rest = h.restLocked()
	}
	after, giveUp, lost, cutOff, moved, nested := h.after, h.giveUp, h.lost, h.cutOff, h.moved, h.nested
	h.nested = nil
	stopTimer(h.limit)
	stopTimer(h.delay)
	if h.unhook != nil {
		h.unhook()
	}
	h.mu.Unlock()

	if giveUp != nil {
		giveUp(errTurnOver)
	}
	for n := range nested { // by max_hold: theirs was part of this turn
		n.finish()
	}
	h.seen.leave() // before the next one gets its turn
	if h.caller != nil {
		h.caller.leave(h, cutOff)
	}
	if moved {
		h.turn.Outdate()
	}
	if rest > 0 && !h.inner {
		h.turn.Abandon(rest)
	} else {
		h.turn.Release()
	}
	if !lost && errors.Is(h.turn.Cause(), lockstore.ErrLost) {
		h.noteLost() // the store has noticed only now
	}
	h.account()
	if after != nil {
		after()
	}
	h.record.finish()
	return true
}

// outdate says that the session has got another id: those who wait for the turn
// hear of it when they get it.
func (h *hold) outdate() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moved = !h.inner // what is called gets no cookie for a browser
}

func (h *hold) account() {
	h.record.held = time.Since(h.began)
	if !h.inner { // what is nested in a turn is none
		h.gate.Metrics.hold.Observe(h.record.held.Seconds())
		h.gate.pace.note(h.record.held)
	}
}

// restLocked is how long the turn could still last.
func (h *hold) restLocked() time.Duration {
	if h.until.IsZero() {
		return h.record.setup.LeaseTTL // as if the gate had died
	}
	return time.Until(h.until)
}

// then has a function called when the turn has ended. Nobody else may hold the
// turn yet.
func (h *hold) then(after func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.after = after
}

// gone says whether the turn has ended; where there is no hold, or one that nobody
// waits for, it has.
func (h *hold) gone() bool {
	if h == nil || h.shadow {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended
}

// endAfter gives the turn back after a delay, within max_hold. The gate's end
// waits for no delay.
func (h *hold) endAfter(delay time.Duration) {
	if delay <= 0 {
		h.end()
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over || h.delay != nil {
		return
	}
	if until := time.Now().Add(delay); h.until.IsZero() || until.Before(h.until) {
		h.until = until
	}
	h.delay = time.AfterFunc(delay, h.end)
	h.unhook = context.AfterFunc(h.gate.runs, h.abandon)
}

// exceed ends a turn that has lasted max_hold. The upstream may be running on:
// the line goes on without waiting for it.
func (h *hold) exceed() {
	held, unsent := time.Since(h.began), h.unsent()
	if !h.finish() || h.shadow {
		return
	}
	if unsent { // its refusal is counted
		h.gate.Log.Warn().Stringer("session", h.record.session).Str("path", h.record.path).
			Dur("held", held).Msg("max_hold passed, the turn ends and its request is not sent: it still waited for a slot")
		return
	}
	h.gate.Metrics.holdExceeded.Inc()
	h.gate.Log.Warn().Stringer("session", h.record.session).Str("path", h.record.path).
		Dur("held", held).Msg("max_hold passed, the turn ends while the upstream may still run")
}

// whenLost has a function called when the lease behind the turn is lost, also
// where it has been lost before.
func (h *hold) whenLost(cut func()) {
	h.mu.Lock()
	h.cut = cut
	lost := h.lost
	h.mu.Unlock()
	if lost {
		cut()
	}
}

// lose is called when the lease behind the turn was lost: another gate may run
// a request of the session. The turn is kept all the same until the run has
// ended, so that within this gate nobody else runs.
func (h *hold) lose() {
	h.mu.Lock()
	if h.ended {
		h.mu.Unlock()
		return // finish has noted it, or will
	}
	h.lost = true
	h.record.join() // the hold has not finished: the line is not written yet
	cut, giveUp, nested := h.cut, h.giveUp, slices.Collect(maps.Keys(h.nested))
	why := h.lapsedLocked()
	h.mu.Unlock()

	h.noteLost()
	if cut != nil {
		cut()
	}
	if giveUp != nil && why != nil {
		giveUp(why)
	}
	for _, n := range nested {
		n.lose()
	}
	h.record.finish()
}

// noteLost is called once, by whoever notices first.
func (h *hold) noteLost() {
	h.record.leaseLost = true
	if h.inner {
		return // it was one lease, and one line tells of it
	}
	h.gate.Metrics.leaseLost.Inc()
	h.gate.Log.Warn().Stringer("session", h.record.session).Str("path", h.record.path).Uint64("fence", h.turn.Fence()).
		Msg("lease lost, another gate may run a request of the session at the same time")
}

func stopTimer(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}
