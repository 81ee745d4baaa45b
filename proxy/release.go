package proxy

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

// hold is a turn that a request has, from its beginning to its release. It is
// the only place that releases turns.
type hold struct {
	gate   *Gate
	record *record
	turn   *lockstore.Turn
	began  time.Time

	mu     sync.Mutex
	ended  bool
	after  func()      // called once when the turn has ended; may be nil
	unhook func() bool // takes the delay off the gate's end; nil without
	limit  *time.Timer // max_hold; nil without
	delay  *time.Timer // release_delay or hold=…; nil until the upstream is done
}

// startHold begins a hold that ends after max_hold at the latest.
func startHold(x *exchange, turn *lockstore.Turn) *hold {
	h := &hold{gate: x.gate, record: x.record, turn: turn, began: time.Now()}
	h.record.join()
	if limit := x.policy.MaxHold; limit > 0 {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.limit = time.AfterFunc(limit, h.exceed)
	}
	return h
}

// end gives the turn back now. Only the first call has an effect, and only that
// one returns true.
func (h *hold) end() bool {
	h.mu.Lock()
	if h.ended {
		h.mu.Unlock()
		return false
	}
	h.ended = true
	after := h.after
	stopTimer(h.limit)
	stopTimer(h.delay)
	if h.unhook != nil {
		h.unhook()
	}
	h.mu.Unlock()

	h.turn.Release()
	held := time.Since(h.began)
	h.gate.Metrics.hold.Observe(held.Seconds())
	h.record.held = held
	if after != nil {
		after()
	}
	h.record.finish()
	return true
}

// then has a function called when the turn has ended. Nobody else may hold the
// turn yet.
func (h *hold) then(after func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.after = after
}

// over says whether the turn has ended; where there is no hold, it has.
func (h *hold) over() bool {
	if h == nil {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended
}

// endAfter gives the turn back after a delay, within max_hold.
func (h *hold) endAfter(delay time.Duration) {
	if delay <= 0 {
		h.end()
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ended && h.delay == nil {
		h.delay = time.AfterFunc(delay, func() { h.end() })
		h.unhook = context.AfterFunc(h.gate.runs, func() { h.end() }) // the gate's end waits for no delay
	}
}

// exceed ends a turn that has lasted max_hold. The upstream may be running on:
// the line goes on without waiting for it.
func (h *hold) exceed() {
	held := time.Since(h.began)
	if !h.end() {
		return
	}
	h.gate.Metrics.holdExceeded.Inc()
	h.gate.Log.Warn().Stringer("session", h.record.session).Str("path", h.record.path).
		Dur("held", held).Msg("max_hold passed, the turn ends while the upstream may still run")
}

func stopTimer(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// ControlHeader is the response header with which PHP says when its turn may
// end. It never reaches the client.
const ControlHeader = "X-Sessiongate"

// orders is what an answer's control header says.
type orders struct {
	release bool          // the session is closed: release at once
	hold    time.Duration // go on holding for so long after the end
}

// readOrders reads "release" and "hold=<duration>", in any number of lines or
// separated by commas. Where an answer asks for both, it is held: that is the
// side on which no update is lost. What cannot be read is returned as bad.
func readOrders(h http.Header) (o orders, bad string) {
	for _, line := range h[ControlHeader] {
		for word := range strings.SplitSeq(line, ",") {
			word = strings.TrimSpace(word)
			value, isHold := strings.CutPrefix(word, "hold=")
			switch {
			case word == "release":
				o.release = true
			case isHold:
				d, err := time.ParseDuration(value)
				if err != nil || d < 0 {
					bad = word
					continue
				}
				o.hold = max(o.hold, d)
			default:
				bad = word
			}
		}
	}
	if o.hold > 0 {
		o.release = false
	}
	return o, bad
}
