package lockstore

import "time"

// poll tells Redis, once more or for the first time, that the gate asks.
func (l *lease) poll() {
	l.disarm()
	c := l.call()
	c.ask = l.conversation
	if l.first != nil {
		c.arrival = l.arrival(c.sent)
	}
	l.send(c)
}

// call is what a call says of the conversations before. Only the first one can
// learn whether their lease was theirs to the end, and only while no other is
// under way: behind it anybody may have the lease.
func (l *lease) call() turnCall {
	l.server = l.of.serverOf(l.key)
	l.of.calls++
	l.last = l.of.calls
	c := turnCall{
		key: l.key, node: l.server.name, serial: l.last,
		over: l.over, spent: l.fence, outdates: l.outdates, until: l.heldUntil, sent: l.of.clock.now(),
	}
	l.heldUntil = time.Time{}
	return c
}

// arrival is when the head of the line came, in Redis time where that is known:
// it then is the same in every call, however long that takes. Otherwise it is
// how long ago.
func (l *lease) arrival(now time.Time) int64 {
	age := now.Sub(l.first.arrived).Microseconds()
	if latest, known := l.server.bound.latest(l.of.start, now); known {
		return latest - age
	}
	return -age
}

// renew asks Redis to keep the lease.
func (l *lease) renew(ttl time.Duration) {
	l.renewal = time.Time{}
	l.server = l.of.serverOf(l.key)
	l.send(renewCall{
		key: l.key, node: l.server.name,
		conversation: l.conversation, token: l.token, spent: l.fence, ttl: ttl, sent: l.of.clock.now(),
	})
}

// send puts a call into the outbox.
func (l *lease) send(call any) { l.of.outbox = append(l.of.outbox, call) }
