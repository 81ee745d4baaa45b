package fault

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// TestTwoGatesNeverHoldASession breaks whatever can be broken, in any order,
// while many clients want few sessions.
func TestTwoGatesNeverHoldASession(t *testing.T) {
	t.Parallel()
	const leaseTTL = 1500 * time.Millisecond
	server := redistest.Start(t)
	admin := server.Client(t)
	gates := openGates(t, 3, server.Address(), ttl(leaseTTL))
	c := &crowd{gates: gates, sessions: 5, request: shared, longest: 10 * time.Millisecond, seen: watch(t, leaseTTL)}
	c.start(t, 24)
	c.seen.goesOn(t, 100)

	faults := []func(g *gate){
		func(g *gate) { g.way.Cut() },
		func(g *gate) { g.way.CutAfter(rand.IntN(500)) },
		func(g *gate) { g.way.Delay(rand.N(300 * time.Millisecond)) },
		func(g *gate) { g.way.Freeze() },
		func(g *gate) { g.way.DropReplies() },
		func(g *gate) { g.way.Refuse(); g.way.Cut() },
		func(*gate) { admin.ClientKillByFilter(t.Context(), "TYPE", "pubsub") },
		func(*gate) { admin.ScriptFlush(t.Context()) },
	}
	for range 2 {
		for _, n := range rand.Perm(len(faults)) {
			g := gates[rand.IntN(len(gates))]
			faults[n](g)
			pass(rand.N(300 * time.Millisecond))
			if rand.IntN(2) == 0 {
				continue // and the next one as well
			}
			for _, g := range gates {
				mend(t, g)
			}
		}
		// Longer than a lease: a holder that is cut off must notice.
		cut := gates[rand.IntN(len(gates))]
		session := shared(rand.IntN(c.sessions))
		turn, err := cut.Acquire(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		held := c.seen.begin(cut, session.Key, turn)
		cut.way.Freeze()
		wantLost(t, turn)
		c.seen.goesOn(t, 100) // through the others, beside the turn that is lost
		for _, g := range gates {
			mend(t, g)
		}
		c.seen.end(session.Key, held)
		c.seen.goesOn(t, 100)
	}
	for _, g := range gates {
		eventually(t, "the gate has found back", func() bool { return !g.Away() })
	}
	c.seen.goesOn(t, 100)
	c.end()
	for n := range c.sessions {
		awaitFree(t, admin, key(n))
	}
	wantExpiries(t, admin)
}

// mend takes every fault of a gate's way back.
func mend(t *testing.T, g *gate) {
	t.Helper()
	g.way.Delay(0)
	g.way.Cut() // what has lost a reply is out of step
	g.way.PassReplies()
	g.way.Thaw()
	if err := g.way.Accept(); err != nil {
		t.Error(err)
	}
}
