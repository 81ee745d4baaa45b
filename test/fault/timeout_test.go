package fault

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// A call that timed out may have run: its caller cannot know.

// connect has a gate make the connections that it acquires and releases with:
// a new one is of no use without replies.
func connect(t *testing.T, g *gate, c *redis.Client) {
	t.Helper()
	g.take(t, shared(2)).Release()
	awaitFree(t, c, key(2))
	pass(50 * time.Millisecond) // Redis has released it: its answer is on the way
}

func TestTurnWhoseAnswerWasLostComesWithinAPoll(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	c := p.server.Client(t)
	g := p.waits
	connect(t, g, c)
	g.way.DropReplies()
	asked := time.Now()
	got := g.enqueue(t.Context(), t, shared(1))
	eventually(t, "Redis has given the lease", func() bool { return read(t, c, key(1)).owner != "" })
	g.way.Cut()
	g.way.PassReplies()
	o := turnOf(t, got)
	wantWithin(t, "the turn", o.at.Sub(asked), poll)
	if r := read(t, c, key(1)); r.fence != o.turn.Fence() {
		t.Errorf("the turn's fence is %d, Redis has %+v", o.turn.Fence(), r)
	}
	o.turn.Release()
	awaitFree(t, c, key(1))
}

func TestClientThatLeavesWhileTheAnswerIsLostLeavesNothing(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	c := p.server.Client(t)
	connect(t, p.waits, c)
	p.waits.way.DropReplies()
	ctx, leave := context.WithCancel(t.Context())
	got := p.waits.enqueue(ctx, t, shared(1))
	eventually(t, "Redis has given the lease", func() bool { return read(t, c, key(1)).owner != "" })
	leave()
	if o := <-got; o.err == nil {
		t.Error("a client that left has a turn")
	}
	asked := time.Now()
	turn := p.holds.take(t, shared(1))
	wantWithin(t, "the turn of another gate", time.Since(asked), poll)
	turn.Release()
	p.waits.way.Cut()
	p.waits.way.PassReplies()
	awaitFree(t, c, key(1))
}

func TestReleaseWhoseAnswerWasLostIsARelease(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	c := p.server.Client(t)
	connect(t, p.holds, c)
	turn := p.holds.take(t, shared(1))
	next := p.waits.enqueue(t.Context(), t, shared(1))
	awaitLine(t, c, key(1), 1)
	p.holds.way.DropReplies()
	released := time.Now()
	turn.Release()
	o := turnOf(t, next)
	wantWithin(t, "the turn", o.at.Sub(released), 0)
	o.turn.Release()
	p.holds.way.Cut()
	p.holds.way.PassReplies()
	awaitFree(t, c, key(1))
}

// TestReleaseThatWasLostCostsAPoll has a release never arrive: whoever waits
// asks again, and the gate that does not hold hears that it is taken for the
// holder.
func TestReleaseThatWasLostCostsAPoll(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	c := p.server.Client(t)
	turn := p.holds.take(t, shared(1))
	next := p.waits.enqueue(t.Context(), t, shared(1))
	awaitLine(t, c, key(1), 1)
	p.holds.way.CutAfter(0)
	released := time.Now()
	turn.Release()
	o := turnOf(t, next)
	wantWithin(t, "the turn", o.at.Sub(released), poll)
	o.turn.Release()
	awaitFree(t, c, key(1))
}

// TestWaiterThatLeftDoesNotStandInTheWay has the call that says so be lost.
func TestWaiterThatLeftDoesNotStandInTheWay(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := server.Client(t)
	gates := openGates(t, 3, server.Address())
	turn := gates[0].take(t, shared(1))
	ctx, leave := context.WithCancel(t.Context())
	leaves := gates[1].enqueue(ctx, t, shared(1))
	awaitLine(t, c, key(1), 1)
	next := gates[2].enqueue(t.Context(), t, shared(1))
	awaitLine(t, c, key(1), 2)
	gates[1].way.CutAfter(0)
	leave()
	if o := <-leaves; o.err == nil {
		t.Error("a client that left has a turn")
	}
	eventually(t, "the gate listens again", func() bool { return len(inboxes(t, c)) == 3 })
	released := time.Now()
	turn.Release()
	o := turnOf(t, next)
	wantWithin(t, "the turn", o.at.Sub(released), poll)
	o.turn.Release()
	awaitFree(t, c, key(1))
}
