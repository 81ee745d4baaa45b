package lockstore

import (
	"context"
	"time"
)

// ticket is one request's place in a line. All fields but ready belong to the
// store's mutex.
type ticket struct {
	prev, next *ticket
	client     string
	mode       Mode
	fence      uint64
	granted    bool
	ready      chan struct{} // closed when the turn comes
}

// wait returns nil when the turn has come, else why the wait ended. A turn that
// is there already costs no timer.
func (t *ticket) wait(ctx context.Context, timeout time.Duration) error {
	select {
	case <-t.ready:
		return nil
	default:
	}
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
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
	running     bool
	waiting     int
	first, last *ticket
}

func (l *line) idle() bool { return !l.running && l.waiting == 0 }

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

func (l *line) remove(t *ticket) {
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
