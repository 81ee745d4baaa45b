package proxy

import (
	"context"
	"sync"
)

// tracker counts what is under way. Unlike a sync.WaitGroup it may be added to
// while somebody waits for it. Its zero value is ready for use.
type tracker struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n comes to be 0; nil: nobody waits for that
}

func (t *tracker) add() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
}

func (t *tracker) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.n == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

func (t *tracker) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

func (t *tracker) wait(ctx context.Context) error {
	idle := t.untilIdle()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// untilIdle is closed when nothing is under way any more; nil: nothing is.
func (t *tracker) untilIdle() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n > 0 && t.idle == nil {
		t.idle = make(chan struct{})
	}
	return t.idle
}
