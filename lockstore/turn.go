package lockstore

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Turn is the right to run. The zero value is not usable; stores make turns
// with NewTurn.
type Turn struct {
	fence    uint64
	local    bool
	outdated bool

	once sync.Once
	end  func(Ending) (cause error)

	mu     sync.Mutex
	ending Ending
	cause  error // with which the turn has ended; nil: not yet
	lost   func()
	ctx    context.Context // made when somebody asks for it: few do
	cancel context.CancelCauseFunc
}

// TurnOptions are what a store says of a turn.
type TurnOptions struct {
	Fence uint64
	Local bool // the authority was away
	// End is called once. It returns what the turn has ended with: ErrReleased or
	// ErrLost. nil: the turn holds nothing.
	End func(Ending) (cause error)
}

// Ending is how a turn ends.
type Ending struct {
	Rest     time.Duration // that it may still last, where it was abandoned; 0: released
	Outdates bool          // those who wait for the key now: Outdate was called
}

// NewTurn makes a turn; it is for stores.
func NewTurn(o TurnOptions) *Turn {
	return &Turn{fence: o.Fence, local: o.Local, end: o.End}
}

// Lose says that the lease behind the turn was lost. It is for stores, and does
// not give the turn back.
func (t *Turn) Lose() { t.conclude(ErrLost) }

// conclude settles with what the turn ends. The first cause stays.
func (t *Turn) conclude(cause error) {
	t.mu.Lock()
	if t.cause != nil {
		t.mu.Unlock()
		return
	}
	t.cause = cause
	cancel, lost := t.cancel, t.lost
	t.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
	if lost != nil && errors.Is(cause, ErrLost) {
		lost()
	}
}

// Cause is nil while the turn lasts, then ErrReleased, or ErrLost where the
// lease behind it was lost, even if that shows only when it is released. A lost
// turn must still be released, when its request has ended: until then nobody
// else of this gate gets one.
func (t *Turn) Cause() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cause
}

// WhenLost has f called once the turn ends with ErrLost, at once where it has.
// f must not block; only the last one that was set is called.
func (t *Turn) WhenLost(f func()) {
	t.mu.Lock()
	t.lost = f
	lost := errors.Is(t.cause, ErrLost)
	t.mu.Unlock()
	if lost {
		f()
	}
}

// Context ends when the turn does, with Cause as its cause. It has no deadline
// and no values.
func (t *Turn) Context() context.Context {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx == nil {
		t.ctx, t.cancel = context.WithCancelCause(context.Background())
		if t.cause != nil {
			t.cancel(t.cause)
		}
	}
	return t.ctx
}

// Fence is the fencing token: of two turns of one key the later one's is
// greater. It is 0 for mode None, which has no turn.
func (t *Turn) Fence() uint64 { return t.fence }

// Local says that the gate gave the turn by itself because the authority was
// away: another gate may have done the same.
func (t *Turn) Local() bool { return t.local }

// Outdate says that the key is of no use any more to those who wait for it: when
// this turn is given back, theirs will be Outdated. Those who come later do so
// knowing, and nothing is said to them.
func (t *Turn) Outdate() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ending.Outdates = true
}

// Outdated says that a turn before this one has outdated the key while this one
// was waited for. Gates that share a Redis hear of it from each other; in a
// failure one may not.
func (t *Turn) Outdated() bool { return t.outdated }

// Release gives the turn back. Only the first call of Release or Abandon has an
// effect.
func (t *Turn) Release() { t.finish(0) }

// Abandon ends the turn of a request that this process will not see the end of:
// the key stays locked for the other gates for at most rest, and nobody else of
// this gate gets a turn of it. A rest of 0 or less releases.
func (t *Turn) Abandon(rest time.Duration) { t.finish(max(rest, 0)) }

func (t *Turn) finish(rest time.Duration) {
	t.once.Do(func() {
		t.mu.Lock()
		t.ending.Rest = rest
		ending := t.ending
		t.mu.Unlock()
		cause := ErrReleased
		if t.end != nil {
			cause = t.end(ending)
		}
		t.conclude(cause)
	})
}
