package fault

import (
	"errors"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/test/fault/faultproxy"
)

// noticed is how long a gate may take to find Redis away: three failed calls,
// or two time-outs.
const noticed = 2 * callTimeout

// disappear is the ways in which Redis is away, for a gate that is connected.
var disappear = map[string]struct{ leave, comeBack func(*testing.T, *gate) }{
	"refused": {
		leave: func(_ *testing.T, g *gate) { g.way.Refuse(); g.way.Cut() },
		comeBack: func(t *testing.T, g *gate) {
			if err := g.way.Accept(); err != nil {
				t.Error(err)
			}
		},
	},
	"silent": {
		leave:    func(_ *testing.T, g *gate) { g.way.Freeze() },
		comeBack: func(_ *testing.T, g *gate) { g.way.Thaw() },
	},
}

func TestGateWithoutRedisGivesTurnsByItself(t *testing.T) {
	t.Parallel()
	for name, redis := range disappear {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			g := openGate(t, server.Address())
			g.take(t, shared(9)).Release()

			redis.leave(t, g)
			left := time.Now()
			refused := g.enqueue(t.Context(), t, shared(2))
			turn := g.take(t, either(1))
			wantWithin(t, "the first turn", time.Since(left), noticed)
			if o := settledOf(t, refused); !errors.Is(o.err, lockstore.ErrAway) {
				t.Errorf("a request that may not run without Redis: %v", o.err)
			}
			if !turn.Local() || !g.Away() {
				t.Errorf("local %v, away %v", turn.Local(), g.Away())
			}

			// From now on nobody waits for Redis, and each line is one.
			next := g.enqueue(t.Context(), t, either(1))
			asked := time.Now()
			other := g.take(t, either(3))
			if _, err := g.Acquire(t.Context(), shared(4)); !errors.Is(err, lockstore.ErrAway) {
				t.Errorf("a request that may not run without Redis: %v", err)
			}
			if err := g.Check(shared(4)); !errors.Is(err, lockstore.ErrAway) {
				t.Errorf("its check: %v", err)
			}
			wantWithin(t, "what does not need Redis", time.Since(asked), 0)
			if len(next) > 0 {
				t.Error("two turns of a session in one gate")
			}
			turn.Release()
			second := turnOf(t, next).turn
			if !second.Local() || second.Fence() <= turn.Fence() {
				t.Errorf("local %v, fence %d after %d", second.Local(), second.Fence(), turn.Fence())
			}
			second.Release()
			other.Release()

			redis.comeBack(t, g)
			back := time.Now()
			eventually(t, "the gate has found Redis", func() bool { return !g.Away() })
			wantWithin(t, "finding Redis", time.Since(back), time.Second)
			turn = g.take(t, shared(1))
			if turn.Local() || turn.Fence() <= second.Fence() {
				t.Errorf("local %v, fence %d after %d", turn.Local(), turn.Fence(), second.Fence())
			}
			turn.Release()
			awaitFree(t, server.Client(t), key(1))
		})
	}
}

// TestGateWaitsForARedisThatTakesWrites: one that only reads, as a replica does,
// must not pass for one that is back again and again: requests would wait for it
// each time.
func TestGateWaitsForARedisThatTakesWrites(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	admin := server.Client(t)
	replicasToWrite := func(n string) {
		t.Helper()
		if err := admin.ConfigSet(t.Context(), "min-replicas-to-write", n).Err(); err != nil {
			t.Fatal(err)
		}
	}
	replicasToWrite("1") // there is none
	way := faultproxy.Start(t, server.Address())
	g := startBlindly(t, func(o *lockstore.RedisOptions) { o.Addresses = []string{way.Address()} })
	for range 3 {
		pass(500 * time.Millisecond) // it is tried meanwhile
		if !g.Away() {
			t.Fatal("the gate takes it for one that is back")
		}
	}
	replicasToWrite("0")
	eventually(t, "the gate has found Redis", func() bool { return !g.Away() })
	turn := g.take(t, either(1))
	if turn.Local() {
		t.Error("the turn is local")
	}
	turn.Release()
	awaitFree(t, admin, key(1))
}

func TestTurnsThatRunAreClaimedWhenRedisIsBack(t *testing.T) {
	t.Parallel()
	for name, redis := range disappear {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			gates := openGates(t, 2, server.Address())
			redis.leave(t, gates[0])
			turn := gates[0].take(t, either(1))
			redis.comeBack(t, gates[0])
			eventually(t, "the gate has found Redis", func() bool { return !gates[0].Away() })
			c := server.Client(t)
			eventually(t, "the turn is claimed", func() bool { return read(t, c, key(1)).owner != "" })
			next := gates[1].enqueue(t.Context(), t, shared(1))
			awaitLine(t, c, key(1), 1)
			if err := turn.Context().Err(); err != nil || len(next) > 0 {
				t.Errorf("the turn has ended (%v), or another gate has one", err)
			}
			released := time.Now()
			turn.Release()
			o := turnOf(t, next)
			wantWithin(t, "the next turn", o.at.Sub(released), poll)
			if o.turn.Local() || o.turn.Fence() <= turn.Fence() {
				t.Errorf("local %v, fence %d after %d", o.turn.Local(), o.turn.Fence(), turn.Fence())
			}
			o.turn.Release()
		})
	}
}

// TestConflictOfLocalTurnsIsALostLease: of two gates that gave a turn of one
// session by themselves, one has to learn of it.
func TestConflictOfLocalTurnsIsALostLease(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	gates := openGates(t, 2, server.Address())
	server.Kill()
	one, two := gates[0].take(t, either(1)), gates[1].take(t, either(1))
	if !one.Local() || !two.Local() {
		t.Fatal("the turns are not local")
	}
	server.Restart()
	var loser, winner *lockstore.Turn
	select {
	case <-one.Context().Done():
		loser, winner = one, two
	case <-two.Context().Done():
		loser, winner = two, one
	case <-time.After(patience):
		t.Fatal("nobody has lost")
	}
	wantLost(t, loser)
	pass(poll)
	if err := winner.Context().Err(); err != nil {
		t.Errorf("the other turn has ended: %v", err)
	}
	one.Release()
	two.Release()
	awaitFree(t, server.Client(t), key(1))
}

// TestGateThatIsCutOffLosesToTheOthers: it gives turns by itself, and hears of
// the conflict when it is back.
func TestGateThatIsCutOffLosesToTheOthers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	gates := openGates(t, 2, server.Address())
	gates[0].way.Refuse()
	gates[0].way.Cut()
	alone := gates[0].take(t, either(1))
	holds := gates[1].take(t, shared(1))
	if !alone.Local() || holds.Local() {
		t.Errorf("local: %v and %v", alone.Local(), holds.Local())
	}
	if err := gates[0].way.Accept(); err != nil {
		t.Fatal(err)
	}
	wantLost(t, alone)
	if err := holds.Context().Err(); err != nil {
		t.Errorf("the turn with a lease has ended: %v", err)
	}
	alone.Release()
	holds.Release()
	awaitFree(t, server.Client(t), key(1))
}

// TestLoadGoesOnWithoutRedis plays Redis's death and return under load, with
// requests that may run without it and others that may not.
func TestLoadGoesOnWithoutRedis(t *testing.T) {
	t.Parallel()
	const leaseTTL = 1500 * time.Millisecond
	server := redistest.Start(t)
	gates := openGates(t, 3, server.Address(), ttl(leaseTTL))
	c := &crowd{gates: gates, sessions: 4, longest: 5 * time.Millisecond, seen: watch(t, leaseTTL), request: func(session int) lockstore.Request {
		if session == 0 {
			return shared(session)
		}
		return either(session)
	}}
	c.start(t, 16)
	c.seen.goesOn(t, 100)
	c.seen.upset(func() {
		server.Kill()
		for _, g := range gates {
			eventually(t, "the gate finds Redis away", g.Away)
		}
		c.seen.goesOn(t, 100)
		server.Restart()
		for _, g := range gates {
			eventually(t, "the gate finds Redis back", func() bool { return !g.Away() })
		}
	})
	c.seen.goesOn(t, 200)
	c.end()
	if c.seen.local == 0 {
		t.Error("no turn was local")
	}
	admin := server.Client(t)
	for n := range c.sessions {
		awaitFree(t, admin, key(n))
	}
	wantExpiries(t, admin)
}
