package fault

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

// crowd is clients that take turns through all gates until the test has seen
// enough.
type crowd struct {
	gates    []*gate
	sessions int
	request  func(session int) lockstore.Request
	longest  time.Duration // that a turn is kept
	seen     *watcher

	ctx  context.Context
	stop context.CancelFunc
	all  sync.WaitGroup
}

// hang is longer than any wait that the protocol allows here.
const hang = 15 * time.Second

// start has so many clients begin.
func (c *crowd) start(t *testing.T, clients int) {
	t.Helper()
	c.ctx, c.stop = context.WithCancel(context.Background())
	for range clients {
		c.all.Go(func() {
			for c.ctx.Err() == nil {
				c.once(t)
			}
		})
	}
	t.Cleanup(c.end)
}

// end waits for the clients. Further calls do nothing.
func (c *crowd) end() {
	c.stop()
	c.all.Wait()
}

func (c *crowd) once(t *testing.T) {
	g := c.gates[rand.IntN(len(c.gates))]
	r := c.request(rand.IntN(c.sessions))
	r.Timeout = hang
	ctx := context.Background()
	if rand.IntN(10) == 0 { // a client that leaves
		var leave context.CancelFunc
		ctx, leave = context.WithTimeout(ctx, rand.N(10*time.Millisecond))
		defer leave()
	}
	turn, err := g.Acquire(ctx, r)
	switch {
	case err == nil:
		run := c.seen.begin(g, r.Key, turn)
		pass(rand.N(c.longest))
		c.seen.end(r.Key, run)
	case errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, lockstore.ErrAway) && r.NoFallback:
		pass(5 * time.Millisecond)
	default:
		t.Errorf("a request got no turn: %v", err)
	}
}
