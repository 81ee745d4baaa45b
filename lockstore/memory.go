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
	mu    sync.Mutex
	crowd crowd
	lines map[Key]*line
	fence uint64
}

// NewMemory returns an empty store. Fences start at the clock's microseconds,
// so that they rise over restarts too (up to a million turns a second).
func NewMemory(limits Limits) *Memory {
	return &Memory{
		crowd: newCrowd(limits),
		lines: make(map[Key]*line),
		fence: uint64(time.Now().UnixMicro()),
	}
}

// Bound sets the bounds on who waits, for those who come from now on.
func (m *Memory) Bound(limits Limits) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crowd.limits = limits
}

// Check says whether Acquire would find a place now. It takes nothing, so the
// answer of Acquire may differ a moment later.
func (m *Memory) Check(r Request) error {
	if r.Mode == None {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.crowd.check(m.lines[r.Key], r)
}

// Acquire takes a ticket and waits for its turn. It returns a refusal at once
// where there is no place, ErrTimeout when the wait takes too long, or ctx's
// cause when ctx ends first; in all cases nothing is held.
func (m *Memory) Acquire(ctx context.Context, r Request) (*Turn, error) {
	return acquire(ctx, m, r)
}

// Waiting is the number of tickets that wait now.
func (m *Memory) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.crowd.waiting
}

// Sessions is the number of keys that have a request running or waiting now.
func (m *Memory) Sessions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.lines)
}

// enter puts a ticket at the end of its line and, where the line was empty,
// gives it the turn.
func (m *Memory) enter(r Request) (*ticket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lines[r.Key]
	if err := m.crowd.check(l, r); err != nil {
		return nil, err
	}
	if l == nil {
		l = &line{}
		m.lines[r.Key] = l
	}
	t := m.crowd.join(l, r, time.Time{}) // nobody asks for its age
	m.advanceLocked(r.Key, l)
	return t, nil
}

func (m *Memory) depart(t *ticket) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.settled() {
		return false
	}
	k := t.request.Key
	l := m.lines[k]
	m.crowd.leave(l, t)
	m.advanceLocked(k, l)
	return true
}

// release ends the running turn of a key and hands it on.
func (m *Memory) release(k Key, e Ending) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lines[k]
	if e.Outdates {
		l.outdate()
	}
	l.running = nil
	m.advanceLocked(k, l)
	return ErrReleased
}

// advanceLocked gives the turn to the oldest ticket, and through it to the next
// where it is a barrier; it forgets a line that has nobody left.
func (m *Memory) advanceLocked(k Key, l *line) {
	for l.running == nil && l.first != nil {
		m.fence++
		var end func(Ending) error
		if l.first.request.Mode == Exclusive {
			end = func(e Ending) error { return m.release(k, e) }
		}
		m.crowd.begin(l, NewTurn(TurnOptions{Fence: m.fence, End: end}))
	}
	if l.idle() {
		delete(m.lines, k)
	}
}
