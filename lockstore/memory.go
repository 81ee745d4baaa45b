package lockstore

import (
	"context"
	"sync"
	"time"
)

// Memory is a store for one gate alone: it keeps its lines in this process and
// always grants itself the lease. Its mutex guards a few map and list
// operations a request, so one gate of many cores does not feel it.
type Memory struct {
	limits Limits

	mu       sync.Mutex
	lines    map[Key]*line
	byClient map[string]int
	waiting  int
	fence    uint64
}

// NewMemory returns an empty store. Fences start at the clock's microseconds,
// so that they rise over restarts too (up to a million turns a second).
func NewMemory(limits Limits) *Memory {
	return &Memory{
		limits:   limits,
		lines:    make(map[Key]*line),
		byClient: make(map[string]int),
		fence:    uint64(time.Now().UnixMicro()),
	}
}

// Check says whether Acquire would find a place now. It takes nothing, so the
// answer of Acquire may differ a moment later.
func (m *Memory) Check(r Request) error {
	if r.Mode == None {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.checkLocked(m.lines[r.Key], r)
}

// Acquire takes a ticket and waits for its turn. It returns a refusal at once
// where there is no place, ErrTimeout when the wait takes too long, or ctx's
// cause when ctx ends first; in all cases nothing is held.
func (m *Memory) Acquire(ctx context.Context, r Request) (*Turn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if r.Mode == None {
		return newTurn(0, nil), nil
	}
	t, err := m.enter(r)
	if err != nil {
		return nil, err
	}
	if err := t.wait(ctx, r.Timeout); err != nil && m.leave(r.Key, t) {
		return nil, err
	}
	// Where the turn came in the same moment as the end of the wait, it counts:
	// the caller decides what to do with it.
	if r.Mode == Barrier {
		return newTurn(t.fence, nil), nil
	}
	return newTurn(t.fence, func(time.Duration) { m.release(r.Key) }), nil
}

// Waiting is the number of tickets that wait now.
func (m *Memory) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting
}

// Sessions is the number of keys that have a request running or waiting now.
func (m *Memory) Sessions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.lines)
}

func (m *Memory) checkLocked(l *line, r Request) error {
	switch {
	case l == nil:
		return nil
	case r.RejectBusy:
		return ErrBusy
	case r.MaxWaiting > 0 && l.waiting >= r.MaxWaiting:
		return ErrSessionFull
	case r.Client != "" && m.limits.PerClient > 0 && m.byClient[r.Client] >= m.limits.PerClient:
		return ErrClientFull
	case m.limits.Total > 0 && m.waiting >= m.limits.Total:
		return ErrTotalFull
	}
	return nil
}

// enter puts a ticket at the end of its line and, where the line was empty,
// gives it the turn.
func (m *Memory) enter(r Request) (*ticket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lines[r.Key]
	if err := m.checkLocked(l, r); err != nil {
		return nil, err
	}
	if l == nil {
		l = &line{}
		m.lines[r.Key] = l
	}
	t := &ticket{client: r.Client, mode: r.Mode, ready: make(chan struct{})}
	l.push(t)
	m.countLocked(t, 1)
	m.advanceLocked(r.Key, l)
	return t, nil
}

// leave takes a waiting ticket out; it reports false when the ticket has had
// its turn already.
func (m *Memory) leave(k Key, t *ticket) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.granted {
		return false
	}
	l := m.lines[k]
	l.remove(t)
	m.countLocked(t, -1)
	m.advanceLocked(k, l)
	return true
}

// release ends the running turn of a key and hands it on.
func (m *Memory) release(k Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lines[k]
	l.running = false
	m.advanceLocked(k, l)
}

// advanceLocked gives the turn to the oldest ticket, and through it to the next
// where it is a barrier; it forgets a line that has nobody left.
func (m *Memory) advanceLocked(k Key, l *line) {
	for !l.running && l.first != nil {
		t := l.first
		l.remove(t)
		m.countLocked(t, -1)
		m.fence++
		t.fence, t.granted = m.fence, true
		l.running = t.mode == Exclusive
		close(t.ready)
	}
	if l.idle() {
		delete(m.lines, k)
	}
}

func (m *Memory) countLocked(t *ticket, n int) {
	m.waiting += n
	if t.client == "" {
		return
	}
	m.byClient[t.client] += n
	if m.byClient[t.client] == 0 {
		delete(m.byClient, t.client)
	}
}
