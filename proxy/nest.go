package proxy

import (
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/lockstore"
)

// placeTicket asks for a place among those that need the same request's turn:
// they run one after another, as the session's requests do. ok is false where
// calls cannot be told apart: any of them may be waiting for any other.
func (x *exchange) placeTicket() (ticket lockstore.Request, ok bool) {
	if x.call.under == nil || x.call.via == ViaAddress {
		return lockstore.Request{}, false
	}
	ticket = x.ticket
	ticket.Key = x.call.under.line()
	return ticket, true
}

// nestWithin gets a place under the turn of a caller; false, with no error, where
// none needs its turn any more. Then the request waits for one of its own.
func (x *exchange) nestWithin() (nested bool, err error) {
	for x.call.under != nil {
		began := time.Now()
		if nested, err = x.nest(); nested || err != nil {
			return nested, err
		}
		if t := x.ticket.Timeout; t > 0 { // one time for all waits
			x.ticket.Timeout = max(t-time.Since(began), time.Nanosecond)
		}
		// Its own caller may be waiting for it, and it for this request.
		if x.call.under = x.call.by.holder(x.ticket.Key); x.call.under == nil {
			x.unused(UnusedOver)
		}
	}
	return false, nil
}

// nest gets a place under one caller's turn; false: that has ended meanwhile.
func (x *exchange) nest() (nested bool, err error) {
	under := x.call.under
	turn := lockstore.NewTurn(lockstore.TurnOptions{})
	if ticket, ok := x.placeTicket(); ok {
		if turn, err = x.gate.nested.Acquire(x.patience(), ticket); err != nil {
			return false, err
		}
	}
	if x.policy.Lock == rules.Barrier && x.call.via != ViaAddress {
		nested = under.keepsTurn()
	} else {
		x.hold = nestHold(x, under.hold, turn)
		nested = x.hold != nil
	}
	if x.hold == nil {
		turn.Release()
	}
	if !nested {
		return false, nil
	}
	if x.call.via == ViaAddress {
		// As deep as there are others: each may have called the next.
		x.call.depth = int(under.token.Depth) + x.hold.among
		if err := x.tooDeep(); err != nil {
			return false, err // departing ends the hold
		}
	}
	x.fence = under.token.Fence
	x.loopback, x.depth = x.call.via, x.call.depth
	x.gate.Metrics.loopback.WithLabelValues(string(x.call.via)).Inc()
	return true, nil
}

// nestHold begins a hold within the caller's: the caller's turn is not given
// back before this one has ended, and this one ends with it. turn is the place
// among those whom the same request has called. A caller of nil keeps its turn
// in another gate.
//
// It returns nil where the caller needs its turn no more: then nobody waits for
// this request with a turn in hand.
//
// Who calls whom is a tree of holds, and turns end in it from the leaves to the
// root: each with its request, or all at once where max_hold has passed for one
// above them.
func nestHold(x *exchange, caller *hold, turn *lockstore.Turn) *hold {
	h := newHold(x, turn)
	h.inner, h.caller = true, caller
	lost := false
	if caller != nil {
		if h.among, lost = caller.enter(h); h.among == 0 {
			h.record.finish()
			return nil
		}
	}
	if lost {
		h.lose()
	}
	return h
}

// needed says whether the request still needs its turn.
func (h *hold) needed() bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.over
}

// enter takes a nested hold in and returns how many there are with it; 0: the
// turn is not needed any more. lost says that the lease was lost before.
func (h *hold) enter(n *hold) (among int, lost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return 0, false
	}
	if h.nested == nil {
		h.nested = make(map[*hold]struct{})
	}
	h.nested[n] = struct{}{}
	return len(h.nested), h.lost
}

// leave takes a nested hold out that has ended. The last one gives back a turn
// that was kept only for them; cutOff: as one that was cut off with it.
func (h *hold) leave(n *hold, cutOff bool) {
	h.mu.Lock()
	delete(h.nested, n)
	h.cutOff = h.cutOff || cutOff
	last := h.over && len(h.nested) == 0
	h.mu.Unlock()
	if last {
		h.finish()
	}
}
