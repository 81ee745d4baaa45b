package redistest

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redisserver"
)

// Sentinels are a master and two replicas under three sentinels, which call
// them redisserver.MasterName and take the master for dead after a second. They
// end with their test.
type Sentinels struct {
	all     *redisserver.Sentinels
	servers map[*redisserver.Server]*Server
}

// StartSentinel runs them. Of the options Password is the sentinels'; the servers
// ask for none.
func StartSentinel(tb testing.TB, options ...Option) *Sentinels {
	tb.Helper()
	var opts redisserver.Options
	for _, set := range options {
		set(&opts)
	}
	ctx, cancel := waiting(tb)
	defer cancel()
	all, err := redisserver.StartSentinels(ctx, opts)
	if err != nil {
		tb.Fatal(err)
	}
	closeAtEnd(tb, all)
	s := &Sentinels{all: all, servers: make(map[*redisserver.Server]*Server)}
	for _, server := range all.Servers() {
		s.servers[server] = &Server{Server: server, tb: tb}
	}
	return s
}

// Addresses are where the sentinels listen.
func (s *Sentinels) Addresses() []string { return s.all.Addresses() }

// Master is whom the sentinels name as the master now; it may be dead.
func (s *Sentinels) Master(tb testing.TB) *Server {
	tb.Helper()
	return s.found(tb, s.all.Master)
}

// Replicas are the servers that are not the master.
func (s *Sentinels) Replicas(tb testing.TB) []*Server {
	tb.Helper()
	master := s.Master(tb)
	var others []*Server
	for _, server := range s.all.Servers() {
		if server != master.Server {
			others = append(others, s.servers[server])
		}
	}
	return others
}

// KillSentinel ends the sentinel at Addresses()[i].
func (s *Sentinels) KillSentinel(i int) { s.all.Watchers()[i].Kill() }

// Leader is the sentinel at Addresses()[0], which leads the fail-overs that
// FailOver asks for while it is up.
func (s *Sentinels) Leader() string { return s.all.Addresses()[0] }

// HoldBack has the fail-over that comes next go on for a minute: no replica comes
// to terms with another master any more, and the leader, which announces the end
// when all of them follow, says nothing until then.
func (s *Sentinels) HoldBack(tb testing.TB) {
	tb.Helper()
	for _, server := range s.servers {
		if err := server.Client(tb).ConfigSet(tb.Context(), "masterauth", "refused").Err(); err != nil {
			tb.Fatal(err)
		}
	}
	for _, address := range s.Addresses() {
		c := redis.NewSentinelClient(&redis.Options{Addr: address})
		tb.Cleanup(func() { c.Close() })
		if err := c.Set(tb.Context(), redisserver.MasterName, "failover-timeout", "60000").Err(); err != nil {
			tb.Fatal(err)
		}
	}
}

// FailOver has the sentinels put a replica in the living master's place, and
// returns it. The old master takes writes, which are lost, for some seconds
// more.
func (s *Sentinels) FailOver(tb testing.TB) *Server {
	tb.Helper()
	return s.found(tb, s.all.FailOver)
}

// KillMaster kills the master and returns it; WaitForMaster waits for another.
func (s *Sentinels) KillMaster(tb testing.TB) *Server {
	tb.Helper()
	master := s.Master(tb)
	master.Kill()
	return master
}

// WaitForMaster returns the master that is not the one given, once the
// sentinels name it and it takes writes.
func (s *Sentinels) WaitForMaster(tb testing.TB, not *Server) *Server {
	tb.Helper()
	return s.found(tb, func(ctx context.Context) (*redisserver.Server, error) {
		return s.all.WaitForMaster(ctx, not.Server)
	})
}

func (s *Sentinels) found(tb testing.TB, find func(context.Context) (*redisserver.Server, error)) *Server {
	tb.Helper()
	ctx, cancel := waiting(tb)
	defer cancel()
	server, err := find(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return s.servers[server]
}
