package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// goAhead lets a request wait for a slot before all others, and have the reserve
// of its level, because whoever has called it waits with a slot in hand. Of those
// that the same request has called one may, until it has ended: so the caller
// comes to its end, and whoever has seen a token in a page passes others by no
// more often than that.
//
// What stands under a caller's turn is one at a time already. To have it wait
// here, too, could have it wait for one that needs that turn.
func (x *exchange) goAhead(ctx context.Context) error {
	if x.call.by == nil || x.hold != nil && x.hold.inner {
		return nil
	}
	line := x.call.by.line()
	// A request has no number so high: the key is no other's.
	binary.BigEndian.PutUint16(line[8:], uint16(min(x.call.depth, math.MaxUint16)))
	var err error
	x.ahead, err = x.gate.nested.Acquire(ctx, lockstore.Request{Key: line, Client: x.call.by.client, MaxWaiting: x.policy.MaxWaiting})
	if errors.Is(err, lockstore.ErrSessionFull) || errors.Is(err, lockstore.ErrTotalFull) {
		return balance.ErrQueueFull
	}
	return err
}

// endAhead lets the next one go ahead; nil: nobody waits for that.
func endAhead(turn *lockstore.Turn) {
	if turn != nil {
		turn.Release()
	}
}
