package lockstore

import "time"

// due says whether an instant has passed. It is asked at every use: a timer
// of a process that was stopped comes late.
func (l *lease) due(t time.Time) bool { return !l.of.clock.now().Before(t) }

// arm wakes the lease when its renewal is due, or its end.
func (l *lease) arm() {
	if l.running == nil {
		return
	}
	next := l.deadline
	if !l.renewal.IsZero() && l.renewal.Before(next) {
		next = l.renewal
	}
	l.wake(next.Sub(l.of.clock.now()))
}

func (l *lease) wake(in time.Duration) {
	l.disarm()
	if l.of.closed {
		return
	}
	alarm := l.alarms
	l.stopAlarm = l.of.clock.afterFunc(in, func() { l.of.ring(l, alarm) })
}

func (l *lease) disarm() {
	l.alarms++
	if l.stopAlarm != nil {
		l.stopAlarm()
		l.stopAlarm = nil
	}
}

// ring: the alarm that was set last goes off.
func (l *lease) ring() {
	switch l.state {
	case asking, claiming:
		l.poll()
	case holding:
		switch {
		case l.due(l.deadline):
			l.lose()
			return
		case l.server.breaker.open:
			l.renewal = time.Time{} // when Redis is back
		case !l.renewal.IsZero() && l.due(l.renewal):
			l.renew(l.of.timing.ttl)
		}
		l.arm()
	case abandoned:
		l.leaveBehind()
	case idle, lost, alone:
	}
}
