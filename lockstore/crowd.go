package lockstore

import (
	"context"
	"time"
)

// crowd counts the tickets that wait in all lines of a gate and keeps them
// within their bounds. It belongs to the store's mutex.
type crowd struct {
	limits   Limits
	byClient map[string]int
	waiting  int
}

func newCrowd(limits Limits) crowd {
	return crowd{limits: limits, byClient: make(map[string]int)}
}

// check says whether there is a place for a request in a line; nil is the line
// of a key that nobody asks for.
func (c *crowd) check(l *line, r Request) error {
	switch {
	case l == nil:
		return nil
	case r.RejectBusy:
		return ErrBusy
	case r.MaxWaiting > 0 && l.waiting >= r.MaxWaiting:
		return ErrSessionFull
	case r.Client != "" && c.limits.PerClient > 0 && c.byClient[r.Client] >= c.limits.PerClient:
		return ErrClientFull
	case c.limits.Total > 0 && c.waiting >= c.limits.Total:
		return ErrTotalFull
	}
	return nil
}

// join puts a new ticket at the end of a line.
func (c *crowd) join(l *line, r Request, now time.Time) *ticket {
	t := &ticket{request: r, arrived: now, ready: make(chan struct{})}
	l.push(t)
	c.count(r.Client, 1)
	return t
}

// leave takes a waiting ticket out of its line.
func (c *crowd) leave(l *line, t *ticket) {
	l.remove(t)
	c.count(t.request.Client, -1)
}

// begin gives the oldest ticket its turn. An exclusive one runs from now on; a
// barrier's is over at once.
func (c *crowd) begin(l *line, turn *Turn) {
	t := l.first
	turn.outdated = l.outdated != nil // they are the oldest
	c.leave(l, t)
	t.turn = turn
	if t.request.Mode == Exclusive {
		l.running = turn
	}
	close(t.ready)
}

// fail ends a ticket's wait with an error.
func (c *crowd) fail(l *line, t *ticket, err error) {
	c.leave(l, t)
	t.err = err
	close(t.ready)
}

func (c *crowd) count(client string, n int) {
	c.waiting += n
	if client == "" {
		return
	}
	c.byClient[client] += n
	if c.byClient[client] == 0 {
		delete(c.byClient, client)
	}
}

// admission is how requests come to a store and go from it.
type admission interface {
	// enter puts a ticket at the end of its key's line, or refuses.
	enter(Request) (*ticket, error)
	// depart takes a waiting ticket out; it reports false where the ticket is
	// settled already.
	depart(*ticket) bool
}

// acquire takes a ticket and waits for its turn. In the moment in which both
// the turn comes and the wait ends, the turn counts: the caller decides what to
// do with it.
func acquire(ctx context.Context, s admission, r Request) (*Turn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if r.Mode == None {
		return NewTurn(TurnOptions{}), nil
	}
	t, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	if err := t.wait(ctx); err != nil && s.depart(t) {
		return nil, err
	}
	return t.turn, t.err
}
