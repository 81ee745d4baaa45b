package fault

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redisserver"
	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

func under(s *redistest.Sentinels) option {
	return func(o *lockstore.RedisOptions) {
		o.Addresses, o.MasterName = s.Addresses(), redisserver.MasterName
	}
}

// TestGatesFollowTheMaster changes the master under load. Replication is
// asynchronous: who had a lease before may overlap, as after a flush.
func TestGatesFollowTheMaster(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *redistest.Sentinels) *redistest.Server{
		"failover": func(t *testing.T, s *redistest.Sentinels) *redistest.Server {
			old := s.Master(t)
			heir := s.FailOver(t)
			c := old.Client(t)
			// It takes writes for ten seconds more: who writes is up to the gates.
			eventually(t, "the gates have left the old master", func() bool {
				clients, err := c.ClientList(t.Context()).Result()
				return err == nil && !strings.Contains(clients, "cmd=evalsha") && len(inboxes(t, c)) == 0
			})
			return heir
		},
		"death": func(t *testing.T, s *redistest.Sentinels) *redistest.Server {
			return s.WaitForMaster(t, s.KillMaster(t))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const leaseTTL = 1500 * time.Millisecond
			s := redistest.StartSentinel(t)
			var gates []*gate
			for range 3 {
				gates = append(gates, startGate(t, under(s), ttl(leaseTTL)))
			}
			c := &crowd{gates: gates, sessions: 4, request: either, longest: 5 * time.Millisecond, seen: watch(t, leaseTTL)}
			c.start(t, 12)
			c.seen.goesOn(t, 100)
			var heir *redistest.Server
			c.seen.upset(func() {
				heir = change(t, s)
				for _, g := range gates {
					eventually(t, "the gate has found the master", func() bool { return !g.Away() })
				}
			})
			admin := heir.Client(t)
			eventually(t, "the gates listen to the new master", func() bool { return len(inboxes(t, admin)) == len(gates) })
			c.seen.goesOn(t, 200)
			c.end()
			for n := range c.sessions {
				awaitFree(t, admin, key(n))
			}

			// Everything is as before: messages, too.
			turn := gates[0].take(t, shared(100))
			next := gates[1].enqueue(t.Context(), t, shared(100))
			awaitLine(t, admin, key(100), 1)
			turn.Release()
			o := turnOf(t, next)
			if o.turn.Fence() <= turn.Fence() {
				t.Errorf("fence %d after %d", o.turn.Fence(), turn.Fence())
			}
			o.turn.Release()
			wantExpiries(t, admin)
		})
	}
}

// of is a gate that is told of this Sentinel only, which then is the one that its
// clients ask and listen to.
func of(sentinel string) option {
	return func(o *lockstore.RedisOptions) {
		o.Addresses, o.MasterName = []string{sentinel}, redisserver.MasterName
	}
}

// TestGatesLeaveAMasterThatLives: the Sentinel that leads a fail-over announces
// its end only when all replicas follow; the others do at once. No client of a
// gate may stay at the old master as long as that, or until it is made a replica:
// the others are elsewhere.
func TestGatesLeaveAMasterThatLives(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	old := s.Master(t)
	s.HoldBack(t)
	gates := []*gate{startGate(t, of(s.Leader())), startGate(t, under(s)), startGate(t, under(s))}
	for i, g := range gates {
		g.take(t, shared(i)).Release()
	}
	leader := sentinelAt(t, s.Leader())
	eventually(t, "all clients of a gate listen to the Sentinel that will lead", func() bool { return listeners(t, leader) >= 3 })
	heir, left := s.FailOver(t).Client(t), old.Client(t)
	eventually(t, "the gates have left the old master", func() bool {
		clients, err := left.ClientList(t.Context()).Result()
		return err == nil && !strings.Contains(clients, "cmd=eval") && len(inboxes(t, left)) == 0
	})
	if role, err := left.Do(t.Context(), "ROLE").Slice(); err != nil || role[0] != "master" {
		t.Errorf("they stayed until it was no master any more: %v, %v", role, err)
	}
	if about, err := leader.Master(t.Context(), redisserver.MasterName).Result(); err != nil || !strings.Contains(about["flags"], "failover_in_progress") {
		t.Errorf("the fail-over has ended, and been announced, before they were seen to leave: %q, %v", about["flags"], err)
	}
	eventually(t, "they listen to the new one", func() bool { return len(inboxes(t, heir)) == len(gates) })
}

func sentinelAt(t *testing.T, address string) *redis.SentinelClient {
	t.Helper()
	c := redis.NewSentinelClient(&redis.Options{Addr: address})
	t.Cleanup(func() { c.Close() })
	return c
}

// listeners counts who waits for what a Sentinel announces.
func listeners(t *testing.T, sentinel *redis.SentinelClient) int {
	t.Helper()
	list := redis.NewStringCmd(t.Context(), "client", "list")
	if err := sentinel.Process(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return strings.Count(list.Val(), "cmd=subscribe")
}
