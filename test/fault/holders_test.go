package fault

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
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
		overtake(t, c.seen, gates)
		c.seen.goesOn(t, 100)
	}
	c.end()
	for n := range c.sessions {
		awaitFree(t, admin, key(n))
	}
	wantExpiries(t, admin)
}

// overtake cuts a holder off for longer than its lease: it must notice, and
// another gate goes on. The crowd does not want this session, whose line stays
// shut for as long as the lost turn lasts.
func overtake(t *testing.T, seen *watcher, gates []*gate) {
	t.Helper()
	cut, other, session := gates[0], gates[1], shared(99)
	for _, g := range gates {
		mend(t, g)
	}
	var turn *lockstore.Turn
	eventually(t, "the gate has found back", func() (back bool) {
		var err error
		turn, err = cut.Acquire(t.Context(), session)
		return err == nil
	})
	held := seen.begin(cut, session.Key, turn)
	cut.way.Freeze()
	eventually(t, "another gate goes on", func() (goes bool) {
		var err error
		turn, err = other.Acquire(t.Context(), session)
		return err == nil
	})
	next := seen.begin(other, session.Key, turn)
	wantLost(t, held.turn)
	mend(t, cut)
	seen.end(session.Key, next)
	seen.end(session.Key, held)
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
