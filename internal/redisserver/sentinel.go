package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"

	"github.com/redis/go-redis/v9"
)

// MasterName is what sentinels call the servers that they watch.
const MasterName = "gate"

const (
	replicas  = 2
	sentinels = 3
	quorum    = 2
)

// sentinelRuns is what a sentinel writes when it listens.
var sentinelRuns = regexp.MustCompile(`Sentinel ID is`)

// Sentinels are a master and two replicas watched by three Redis Sentinels,
// which take the master for dead after half a second. Its methods may be
// called from several goroutines, except Close.
type Sentinels struct {
	servers  []*Server // the first began as the master
	watchers []*Server
}

// StartSentinels runs them, and returns when the replicas follow the master
// and every sentinel would do a failover. Of the options the sentinels take User
// and Password; the servers ask for none.
func StartSentinels(ctx context.Context, opts Options) (*Sentinels, error) {
	s := new(Sentinels)
	err := s.startServers(ctx)
	if err == nil {
		err = s.startWatchers(ctx, Options{User: opts.User, Password: opts.Password})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sentinels) startServers(ctx context.Context) error {
	for len(s.servers) <= replicas {
		opts := Options{Config: map[string]string{"repl-diskless-sync-delay": "0"}}
		if len(s.servers) > 0 {
			opts.Config["replicaof"] = fmt.Sprint(loopback, " ", s.servers[0].at.port.Number())
		}
		server, err := Start(ctx, opts)
		if err != nil {
			return err
		}
		s.servers = append(s.servers, server)
	}
	return until(ctx, "wait for the replicas", func(ctx context.Context) error {
		for _, replica := range s.servers[1:] {
			if err := replica.follows(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

var linkUp = regexp.MustCompile(`(?m)^master_link_status:up\r?$`)

// follows says what keeps a replica from being one.
func (s *Server) follows(ctx context.Context) error {
	return s.ask(ctx, func(c *redis.Client) error {
		info, err := c.Info(ctx, "replication").Result()
		if err == nil && !linkUp.MatchString(info) {
			err = fmt.Errorf("%s has no link to its master", s.Address())
		}
		return err
	})
}

func (s *Sentinels) startWatchers(ctx context.Context, opts Options) error {
	for range sentinels {
		watcher, err := prepare(opts)
		if err != nil {
			return err
		}
		watcher.args, watcher.ready = []string{"--sentinel"}, sentinelRuns
		s.watchers = append(s.watchers, watcher)
	}
	for i, watcher := range s.watchers {
		config, err := s.sentinelConfig(i)
		if err != nil {
			return err
		}
		if err := watcher.launch(ctx, config); err != nil {
			return err
		}
	}
	return until(ctx, "wait for the sentinels", func(ctx context.Context) error {
		for _, watcher := range s.watchers {
			if err := watcher.couldFailOver(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// sentinelConfig introduces the replicas and the other sentinels, which a
// sentinel would otherwise find in its own time, some seconds.
func (s *Sentinels) sentinelConfig(i int) ([]byte, error) {
	var w configWriter
	own := s.watchers[i].at
	w.line("daemonize", "no")
	w.line("bind", loopback)
	w.line("port", own.port.Number())
	w.line("dir", quoted(own.dir))
	if asks := s.watchers[i].opts; asks.Password != "" {
		asks.guard(&w)
		w.line("sentinel", "sentinel-user", asks.user()) // for each other
		w.line("sentinel", "sentinel-pass", asks.Password)
	}
	w.line("sentinel", "myid", sentinelID(i))
	w.line("sentinel", "resolve-hostnames", "no")
	w.line("sentinel", "monitor", MasterName, loopback, s.servers[0].at.port.Number(), quorum)
	w.line("sentinel", "down-after-milliseconds", MasterName, 1000)
	w.line("sentinel", "failover-timeout", MasterName, 3000)
	w.line("sentinel", "parallel-syncs", MasterName, replicas)
	for _, replica := range s.servers[1:] {
		w.line("sentinel", "known-replica", MasterName, loopback, replica.at.port.Number())
	}
	for other, watcher := range s.watchers {
		if other != i {
			w.line("sentinel", "known-sentinel", MasterName, loopback, watcher.at.port.Number(), sentinelID(other))
		}
	}
	return w.out.Bytes(), w.err
}

func sentinelID(i int) string { return fmt.Sprintf("%040x", i+1) }

// couldFailOver says what keeps a sentinel from doing its work.
func (s *Server) couldFailOver(ctx context.Context) error {
	return s.askSentinel(ctx, func(c *redis.SentinelClient) error {
		if err := c.CkQuorum(ctx, MasterName).Err(); err != nil {
			return err
		}
		known, err := c.Replicas(ctx, MasterName).Result()
		if err != nil {
			return err
		}
		good := 0
		for _, replica := range known {
			if replica["flags"] == "slave" && replica["master-link-status"] == "ok" {
				good++
			}
		}
		if good != replicas {
			return fmt.Errorf("%d of %d replicas are good", good, replicas)
		}
		return nil
	})
}

// Addresses are where the sentinels listen.
func (s *Sentinels) Addresses() []string {
	var all []string
	for _, watcher := range s.watchers {
		all = append(all, watcher.Address())
	}
	return all
}

// Servers are the servers that are watched, whoever is the master.
func (s *Sentinels) Servers() []*Server { return s.servers }

// Watchers are the sentinels themselves, to be killed or halted.
func (s *Sentinels) Watchers() []*Server { return s.watchers }

// Master is whom the sentinels name as the master, once those that answer, at
// least two, all name the same. It may be dead, and it may not have taken over
// yet.
func (s *Sentinels) Master(ctx context.Context) (*Server, error) {
	var master *Server
	err := until(ctx, "ask for the master", func(ctx context.Context) (err error) {
		master, err = s.named(ctx)
		return err
	})
	return master, err
}

func (s *Sentinels) named(ctx context.Context) (*Server, error) {
	named, votes := "", 0
	var failed error
	for _, watcher := range s.watchers {
		address, err := watcher.namesMaster(ctx)
		switch {
		case err != nil:
			failed = err
		case named != "" && address != named:
			return nil, fmt.Errorf("one sentinel names %s as the master, another %s", named, address)
		default:
			named, votes = address, votes+1
		}
	}
	if votes < quorum {
		return nil, fmt.Errorf("%d sentinels of %d answer: %w", votes, sentinels, failed)
	}
	for _, server := range s.servers {
		if server.Address() == named {
			return server, nil
		}
	}
	return nil, fmt.Errorf("the sentinels name %s, which is a stranger", named)
}

func (s *Server) namesMaster(ctx context.Context) (address string, err error) {
	err = s.askSentinel(ctx, func(c *redis.SentinelClient) error {
		at, err := c.GetMasterAddrByName(ctx, MasterName).Result()
		if err == nil {
			address = net.JoinHostPort(at[0], at[1])
		}
		return err
	})
	return address, err
}

// WaitForMaster returns the master that is not the one given, once the
// sentinels name it and it knows itself.
func (s *Sentinels) WaitForMaster(ctx context.Context, not *Server) (*Server, error) {
	var master *Server
	err := until(ctx, "wait for another master", func(ctx context.Context) (err error) {
		if master, err = s.named(ctx); err != nil {
			return err
		}
		if master == not {
			return fmt.Errorf("it is still %s", master.Address())
		}
		return master.takesWrites(ctx)
	})
	return master, err
}

// takesWrites says what keeps a server from being a master.
func (s *Server) takesWrites(ctx context.Context) error {
	return s.ask(ctx, func(c *redis.Client) error {
		role, err := c.Do(ctx, "ROLE").Slice()
		if err == nil && (len(role) == 0 || role[0] != "master") {
			err = fmt.Errorf("%s is no master yet", s.Address())
		}
		return err
	})
}

// FailOver has the sentinels put a replica in the master's place, and returns
// the new master. The old one lives, and takes writes for some seconds more
// until the sentinels make it a replica: these writes are lost.
func (s *Sentinels) FailOver(ctx context.Context) (*Server, error) {
	old, err := s.Master(ctx)
	if err != nil {
		return nil, err
	}
	// Refused while an earlier failover goes on, and until a replica is ready.
	err = until(ctx, "ask for a failover", func(ctx context.Context) error {
		return s.anyWatcher(ctx, func(c *redis.SentinelClient) error {
			return c.Failover(ctx, MasterName).Err()
		})
	})
	if err != nil {
		return nil, err
	}
	return s.WaitForMaster(ctx, old)
}

// anyWatcher runs commands on the first sentinel that is up, and on no other: a
// refusal by one is not to be got round.
func (s *Sentinels) anyWatcher(ctx context.Context, commands func(*redis.SentinelClient) error) error {
	var down error
	for _, watcher := range s.watchers {
		if down = watcher.knock(ctx, askLimit); down == nil {
			return watcher.askSentinel(ctx, commands)
		}
	}
	return down
}

// Close ends all of them. Further calls do nothing.
func (s *Sentinels) Close() error {
	var failed []error
	for _, server := range append(s.watchers[:len(s.watchers):len(s.watchers)], s.servers...) {
		failed = append(failed, server.Close())
	}
	return errors.Join(failed...)
}
