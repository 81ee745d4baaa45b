package fault

import (
	"context"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// TestGateHearsElsewhereWhenItsServerIsGone takes away the server at which a gate
// listens, and no other takes its place: sessions of the others go on by message.
func TestGateHearsElsewhereWhenItsServerIsGone(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(*redistest.Server){
		"dead":   func(s *redistest.Server) { s.Kill() },
		"silent": (*redistest.Server).Stop,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := redistest.StartCluster(t, 0)
			serveWhatIsThere(t, cluster)
			sessions := spread(t, cluster, 2)
			one, two := startGate(t, inCluster(cluster)), startGate(t, inCluster(cluster))
			gone := listenedAt(t, cluster)
			take(gone)
			living := func() (count int) {
				for node := range sessions {
					if node != gone {
						count += len(inboxes(t, node.Client(t)))
					}
				}
				return count
			}
			eventually(t, "both gates listen", func() bool { return living() == 2 })
			for node, there := range sessions {
				if node == gone {
					continue
				}
				admin := node.Client(t)
				for i, gates := range [][2]*gate{{one, two}, {two, one}} {
					turn := gates[0].take(t, shared(there[i]))
					next := gates[1].enqueue(t.Context(), t, shared(there[i]))
					awaitLine(t, admin, key(there[i]), 1)
					released := time.Now()
					turn.Release()
					o := turnOf(t, next)
					wantMessage(t, o.at.Sub(released))
					o.turn.Release()
				}
			}
		})
	}
}

// listenedAt is a server at which a gate listens.
func listenedAt(t *testing.T, c *redistest.Cluster) *redistest.Server {
	t.Helper()
	for i := range c.Addresses() {
		if len(inboxes(t, c.Node(i).Client(t))) > 0 {
			return c.Node(i)
		}
	}
	t.Fatal("nobody listens")
	return nil
}

// TestClusterOfOneServerIsEnough: there is no other to ping from.
func TestClusterOfOneServerIsEnough(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server := redistest.Start(t, redistest.ClusterNode())
	admin := server.Client(t)
	if err := admin.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster is whole", func() bool { return admin.Set(ctx, "k", 1, time.Second).Err() == nil })
	wantWork(t, at(server))
	if n := len(inboxes(t, admin)); n != 2 {
		t.Errorf("%d gates listen", n)
	}
}
