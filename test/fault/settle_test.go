package fault

import (
	"errors"
	"testing"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

// TestGateThatStartsAloneFindsOutWhatItsRedisIs: with one address a gate asks
// there whether it is a cluster's. Nobody answers at the start, and the one turn
// that runs then is the gate's own.
func TestGateThatStartsAloneFindsOutWhatItsRedisIs(t *testing.T) {
	t.Parallel()
	t.Run("a cluster", func(t *testing.T) {
		t.Parallel()
		cluster := redistest.StartCluster(t, 0)
		serveWhatIsThere(t, cluster)
		sessions := spread(t, cluster, 1)
		first := cluster.Node(0)
		first.Kill()
		one, two := startBlindly(t, at(first)), startBlindly(t, at(first))
		if !one.Away() || one.Refused() != nil {
			t.Fatalf("away: %v, refused: %v", one.Away(), one.Refused())
		}
		running := one.take(t, either(1000))
		if !running.Local() {
			t.Error("a turn of a Redis that nobody has reached")
		}
		if _, err := one.Acquire(t.Context(), shared(1001)); !errors.Is(err, lockstore.ErrAway) {
			t.Errorf("a request that must not run on the gate's word: %v", err)
		}
		first.Restart()
		for _, there := range sessions {
			cluster.WaitForPrimary(t, sessionKey(key(there[0])), nil)
		}
		eventually(t, "the gates have found the cluster", func() bool { return !one.Away() && !two.Away() })
		for node, there := range sessions {
			turn := one.take(t, shared(there[0]))
			next := two.enqueue(t.Context(), t, shared(there[0]))
			awaitLine(t, node.Client(t), key(there[0]), 1)
			turn.Release()
			turnOf(t, next).turn.Release()
		}
		c := cluster.NodeOf(t, sessionKey(key(1000))).Client(t)
		eventually(t, "the turn is claimed", func() bool { return read(t, c, key(1000)).owner != "" })
		other := two.enqueue(t.Context(), t, shared(1000))
		awaitLine(t, c, key(1000), 1)
		running.Release()
		turnOf(t, other).turn.Release()
	})
	t.Run("a single server", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		server.Kill()
		g := startBlindly(t, at(server))
		server.Restart()
		eventually(t, "the gate has found the server", func() bool { return !g.Away() })
		g.take(t, shared(1)).Release()
	})
	t.Run("nobody ever", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		server.Kill()
		g := startBlindly(t, at(server))
		g.take(t, either(1)).Release()
	})
}

func TestStoreIsNotAskedBeforeItsStart(t *testing.T) {
	t.Parallel()
	g := newGate(t, at(redistest.Start(t)))
	if turn, err := g.Acquire(t.Context(), either(1)); !errors.Is(err, lockstore.ErrNotStarted) || turn != nil {
		t.Errorf("acquire: %v, %v", turn, err)
	}
	if err := g.Check(either(1)); !errors.Is(err, lockstore.ErrNotStarted) {
		t.Errorf("check: %v", err)
	}
	turn, err := g.Acquire(t.Context(), lockstore.Request{Key: key(1), Mode: lockstore.None})
	if err != nil {
		t.Fatalf("without a lock: %v", err)
	}
	turn.Release()
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.take(t, shared(1)).Release()
}
