package redistest_test

import (
	"fmt"
	"testing"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

func TestClusterServesEverySlot(t *testing.T) {
	t.Parallel() // nearly all of it is waiting
	cluster := redistest.StartCluster(t, 0)
	c := cluster.Client(t)
	used := make(map[*redistest.Server]int)
	for i := range 50 {
		key := fmt.Sprintf("k%d", i)
		if err := c.Set(t.Context(), key, i, 0).Err(); err != nil {
			t.Fatal(err)
		}
		node := cluster.NodeOf(t, key)
		used[node]++
		if n, err := node.Client(t).Get(t.Context(), key).Int(); err != nil || n != i {
			t.Errorf("the node of %s has %d, %v", key, n, err)
		}
	}
	if len(used) != 3 || len(cluster.Addresses()) != 3 {
		t.Errorf("%d of %d nodes have a key", len(used), len(cluster.Addresses()))
	}
}

func TestSlotMovesWithItsKeys(t *testing.T) {
	t.Parallel() // nearly all of it is waiting
	cluster := redistest.StartCluster(t, 0)
	c := cluster.Client(t)
	for i := range 250 {
		if err := c.Set(t.Context(), fmt.Sprintf("{k}%d", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	from := cluster.NodeOf(t, "k")
	to := cluster.Node(0)
	if to == from {
		to = cluster.Node(1)
	}
	cluster.MoveSlot(t, "k", to)
	if now := cluster.NodeOf(t, "k"); now != to {
		t.Errorf("the slot is with %s, not %s", now.Address(), to.Address())
	}
	if n, err := to.Client(t).DBSize(t.Context()).Result(); err != nil || n != 250 {
		t.Errorf("%d keys were moved, %v", n, err)
	}
	if n, err := c.Get(t.Context(), "{k}7").Int(); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestReplicaTakesOverFromADeadPrimary(t *testing.T) {
	t.Parallel() // nearly all of it is waiting
	cluster := redistest.StartCluster(t, 1)
	c := cluster.Client(t)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	dead := cluster.KillPrimary(t, "k")
	heir := cluster.WaitForPrimary(t, "k", dead)
	if heir == dead || cluster.NodeOf(t, "k") != heir {
		t.Errorf("%s after %s", heir.Address(), dead.Address())
	}
	if err := heir.Client(t).Set(t.Context(), "k", "w", 0).Err(); err != nil {
		t.Errorf("the new primary takes no writes: %v", err)
	}
	dead.Restart()
	if role, err := dead.Client(t).Do(t.Context(), "ROLE").Slice(); err != nil || len(role) == 0 {
		t.Errorf("the old primary is not back: %v, %v", role, err)
	}
}

func TestPrimaryWithoutAReplicaComesBack(t *testing.T) {
	t.Parallel() // nearly all of it is waiting
	cluster := redistest.StartCluster(t, 0)
	dead := cluster.KillPrimary(t, "k")
	dead.Restart()
	if back := cluster.WaitForPrimary(t, "k", nil); back != dead {
		t.Errorf("%s has what %s had", back.Address(), dead.Address())
	}
}
