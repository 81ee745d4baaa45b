package lockstore

import (
	"context"
	"sync"
)

// Turn is the right to run. The zero value is not usable; stores make turns.
type Turn struct {
	ctx   context.Context
	fence uint64

	once   sync.Once
	giveUp func()
	cancel context.CancelCauseFunc
}

// newTurn returns a turn whose Release calls giveUp once.
func newTurn(fence uint64, giveUp func()) *Turn {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Turn{ctx: ctx, cancel: cancel, fence: fence, giveUp: giveUp}
}

// Context ends when the turn does: its cause is ErrReleased, or ErrLost where
// the lease behind it was lost. It carries no deadline and no values.
func (t *Turn) Context() context.Context { return t.ctx }

// Fence is the fencing token: of two turns of one key the later one's is
// greater. It is 0 for mode None, which has no turn.
func (t *Turn) Fence() uint64 { return t.fence }

// Release gives the turn back. Only the first call has an effect.
func (t *Turn) Release() {
	t.once.Do(func() {
		t.cancel(ErrReleased)
		if t.giveUp != nil {
			t.giveUp()
		}
	})
}
