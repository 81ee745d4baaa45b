package redistest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redisserver"
	"github.com/sessiongate/sessiongate/internal/redistest"
)

func TestAnotherMasterTakesOverFromADeadOne(t *testing.T) {
	t.Parallel() // nearly all of it is waiting
	s := redistest.StartSentinel(t)
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: redisserver.MasterName, SentinelAddrs: s.Addresses()})
	defer c.Close()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	// Acknowledged by both replicas: whoever takes over has it.
	if n, err := c.Wait(t.Context(), 2, 10*time.Second).Result(); err != nil || n != 2 {
		t.Fatalf("%d replicas have the write, %v", n, err)
	}
	dead := s.KillMaster(t)
	heir := s.WaitForMaster(t, dead)
	if heir == dead || s.Master(t) != heir || slices.Contains(s.Replicas(t), heir) {
		t.Errorf("master %s after %s died", heir.Address(), dead.Address())
	}
	if v, err := heir.Client(t).Get(t.Context(), "k").Result(); err != nil || v != "v" {
		t.Errorf("%q, %v", v, err)
	}
	if err := heir.Client(t).Set(t.Context(), "k", "w", 0).Err(); err != nil {
		t.Errorf("the new master takes no writes: %v", err)
	}
	dead.Restart()
	if err := dead.Client(t).Ping(t.Context()).Err(); err != nil {
		t.Errorf("the old master is not back: %v", err)
	}
}

func TestFailOverPutsAReplicaInTheMastersPlace(t *testing.T) {
	t.Parallel() // nearly all of it is waiting
	s := redistest.StartSentinel(t)
	old := s.Master(t)
	heir := s.FailOver(t)
	if heir == old || s.Master(t) != heir {
		t.Errorf("master %s, was %s", heir.Address(), old.Address())
	}
	if err := heir.Client(t).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Errorf("the new master takes no writes: %v", err)
	}
	if len(s.Replicas(t)) != 2 {
		t.Errorf("%d other servers", len(s.Replicas(t)))
	}
}

func TestTwoSentinelsAreEnough(t *testing.T) {
	t.Parallel() // nearly all of it is waiting
	s := redistest.StartSentinel(t)
	s.KillSentinel(0)
	dead := s.KillMaster(t)
	s.WaitForMaster(t, dead)
}
