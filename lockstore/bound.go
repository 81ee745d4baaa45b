package lockstore

import "time"

// bound is an upper bound on the time of a Redis server. Each answer carries
// the server's time, which is later than the moment in which the call was sent:
// the least difference seen is the closest bound. Samples are forgotten after
// one to two windows, because clocks drift.
type bound struct {
	since        time.Time // answers to earlier calls do not count: another server may have given them
	begun        time.Time // of the current window
	least, older int64     // microseconds of server time at the store's start; none: 0
}

const boundWindow = 30 * time.Second

// sample takes in an answer; start is any fixed instant of the gate.
func (b *bound) sample(start, sent time.Time, server int64) {
	if sent.Before(b.since) {
		return
	}
	if age := sent.Sub(b.begun); age >= 2*boundWindow {
		*b = bound{since: b.since, begun: sent}
	} else if age >= boundWindow {
		*b = bound{since: b.since, begun: sent, older: b.least}
	}
	offset := server - sent.Sub(start).Microseconds()
	if b.least == 0 || offset < b.least {
		b.least = offset
	}
}

// latest returns the latest time that the server's clock can show now; false
// where nothing is known.
func (b *bound) latest(start, now time.Time) (int64, bool) {
	if now.Sub(b.begun) >= 2*boundWindow {
		return 0, false // too long ago
	}
	offset := b.least
	if offset == 0 || b.older != 0 && b.older < offset {
		offset = b.older
	}
	return offset + now.Sub(start).Microseconds(), offset != 0
}

func (b *bound) forget(now time.Time) { *b = bound{since: now} }
