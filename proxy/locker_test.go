package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

// awayLocks gives turns as a store does whose authority can be away, and can
// lose leases. Lines are those of the Memory store below it.
type awayLocks struct {
	*lockstore.Memory

	mu         sync.Mutex
	away       bool
	late       bool // Check does not know yet
	lostLate   bool // a turn's lease proves lost when the turn ends
	lostBefore bool // a turn's lease is lost when the turn begins
	turns      []*lockstore.Turn
	given      []time.Duration // how turns ended: the rest of Abandon, 0 for Release
}

// onAwayLocks puts a bench's gate on such a store.
func onAwayLocks(b *bench) *awayLocks {
	l := &awayLocks{Memory: b.locks}
	b.gate.Locks = l
	return l
}

func (l *awayLocks) Check(r lockstore.Request) error {
	if l.refuses(r) && !l.late {
		return lockstore.ErrAway
	}
	return l.Memory.Check(r)
}

func (l *awayLocks) Acquire(ctx context.Context, r lockstore.Request) (*lockstore.Turn, error) {
	if l.refuses(r) {
		return nil, lockstore.ErrAway
	}
	turn, err := l.Memory.Acquire(ctx, r)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	inner := turn
	turn = lockstore.NewTurn(lockstore.TurnOptions{Fence: inner.Fence(), Local: l.away, End: func(e lockstore.Ending) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.given = append(l.given, e.Rest)
		if e.Outdates {
			inner.Outdate()
		}
		inner.Release()
		if l.lostLate {
			return lockstore.ErrLost
		}
		return lockstore.ErrReleased
	}})
	l.turns = append(l.turns, turn)
	if l.lostBefore {
		turn.Lose()
	}
	return turn, nil
}

func (l *awayLocks) refuses(r lockstore.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.away && r.NoFallback
}

// lose ends the context of the n-th turn as a lost lease does.
func (l *awayLocks) lose(n int) {
	l.mu.Lock()
	turn := l.turns[n]
	l.mu.Unlock()
	turn.Lose()
}

// ends is how turns have ended so far.
func (l *awayLocks) ends() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.given
}
