package proxy

import (
	"context"
	"errors"
)

// errTurnOver ends a request whose turn max_hold has ended before it was sent: its
// own, or that of its caller.
var errTurnOver = errors.New("proxy: max_hold passed before the request was sent")

// waits has stop called when the turn is no longer what its request may begin to
// run under, while that waits for a slot; at once where that is so already. nil
// and a hold that nobody waits for call nothing.
func (h *hold) waits(stop context.CancelCauseFunc) {
	if h == nil || h.shadow {
		return
	}
	h.mu.Lock()
	h.giveUp = stop
	why := h.lapsedLocked()
	h.mu.Unlock()
	if why != nil {
		stop(why)
	}
}

// lapsed ends the wait and says why the request must not be sent; nil: it may be.
// Whoever has the turn by now, here or at another gate, is running.
func (h *hold) lapsed() error {
	if h == nil || h.shadow {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.giveUp = nil
	return h.lapsedLocked()
}

// lapsedLocked knows of a lost lease, too: on_lease_lost: continue is for what
// runs. What a page calls is part of it, and carries on with it.
func (h *hold) lapsedLocked() error {
	switch {
	case h.ended:
		return errTurnOver
	case h.lost && (!h.inner || h.record.setup.AbortOnLostLease):
		return errLeaseLost
	}
	return nil
}

// unsent says whether the request waits for a slot: it is at no server.
func (h *hold) unsent() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.giveUp != nil
}
