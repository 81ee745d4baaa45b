package lockstore

import (
	"context"
	"time"
)

// ticket is one request's place in a line. Its fields belong to the store's
// mutex; once ready is closed, turn and err may be read without it.
type ticket struct {
	prev, next *ticket
	request    Request
	arrived    time.Time
	ready      chan struct{} // closed when the turn comes, or will not come
	turn       *Turn
	err        error // why it will not come
}

// settled says that the wait is over, one way or the other.
func (t *ticket) settled() bool { return t.turn != nil || t.err != nil }

// wait returns nil when the ticket is settled, else why the wait ended before.
// A turn that is there already costs no timer.
func (t *ticket) wait(ctx context.Context) error {
	select {
	case <-t.ready:
		return nil
	default:
	}
	var late <-chan time.Time
	if t.request.Timeout > 0 {
		timer := time.NewTimer(t.request.Timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-t.ready:
		return nil
	case <-late:
		return ErrTimeout
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// line is the requests of one key: at most one that runs, and those that wait,
// oldest first. It is a linked list so that leaving costs the same anywhere.
type line struct {
	running     *Turn // nil: nobody
	waiting     int
	first, last *ticket
	outdated    *ticket // the youngest of those to whom the key is of no use any more; nil: none
}

func (l *line) idle() bool { return l.running == nil && l.waiting == 0 }

func (l *line) push(t *ticket) {
	t.prev = l.last
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
	l.waiting++
}

// outdate says that the key is of no use any more to those who wait now.
func (l *line) outdate() { l.outdated = l.last }

func (l *line) remove(t *ticket) {
	if t == l.outdated {
		l.outdated = t.prev // older, and so outdated, too
	}
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
	l.waiting--
}
