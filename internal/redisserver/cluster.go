package redisserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	primaries = 3
	slots     = 16384
)

// Cluster is a Redis Cluster of three primaries, which share the slots evenly,
// and their replicas. A replica takes over about two seconds after its primary
// died; without replicas the others serve on for five. The methods may be called from several goroutines, except Close.
type Cluster struct {
	nodes []*Server // the first three began as the primaries
}

// StartCluster runs a cluster with so many replicas for each primary, and
// returns when every node knows the others and finds the cluster in order. That
// takes two seconds: Redis keeps a new primary from serving for so long.
func StartCluster(ctx context.Context, replicasEach int) (*Cluster, error) {
	c := new(Cluster)
	missed := time.Second
	if replicasEach == 0 {
		missed = 5 * time.Second // nobody could take over, so a busy machine must not make a node look dead
	}
	err := c.startNodes(ctx, primaries*(1+replicasEach), missed)
	if err == nil {
		err = c.form(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// startNodes starts nodes that take each other for dead after so long.
func (c *Cluster) startNodes(ctx context.Context, n int, missed time.Duration) error {
	for range n {
		node, err := prepare(Options{Cluster: true})
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, node)
		node.opts.Config = map[string]string{
			"cluster-node-timeout":            fmt.Sprint(missed.Milliseconds()),
			"cluster-replica-validity-factor": "0", // a replica may take over however long it was alone
			"cluster-allow-replica-migration": "no",
			"repl-diskless-sync-delay":        "0",
			// Clients are told of a replica once it has got anything: the first ping.
			"repl-ping-replica-period": "1",
		}
		config, err := node.opts.config(node.at)
		if err == nil {
			err = node.launch(ctx, config)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// form makes one cluster of the nodes.
func (c *Cluster) form(ctx context.Context) error {
	ids := make([]string, len(c.nodes))
	for i, node := range c.nodes {
		err := node.tell(ctx, func(r *redis.Client) (err error) {
			if ids[i], err = r.Do(ctx, "CLUSTER", "MYID").Text(); err != nil {
				return err
			}
			return c.introduce(ctx, r, i)
		})
		if err != nil {
			return fmt.Errorf("redisserver: form the cluster: %w", err)
		}
	}
	if err := until(ctx, "wait for the cluster's nodes to meet", c.eachNode((*Server).knows, len(c.nodes))); err != nil {
		return err
	}
	for i, node := range c.nodes[primaries:] {
		err := node.tell(ctx, func(r *redis.Client) error { return r.ClusterReplicate(ctx, ids[i%primaries]).Err() })
		if err != nil {
			return fmt.Errorf("redisserver: make a replica: %w", err)
		}
	}
	return until(ctx, "wait for the cluster", c.eachNode((*Server).isInOrder, len(c.nodes)))
}

// introduce gives node i its slots, where it is a primary, and has it meet those
// before it.
func (c *Cluster) introduce(ctx context.Context, r *redis.Client, i int) error {
	if i < primaries {
		first, last := slots*i/primaries, slots*(i+1)/primaries-1
		if err := r.ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
			return err
		}
	}
	// Else nodes find out one by one that they share an epoch.
	if err := r.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
		return err
	}
	for _, other := range c.nodes[:i] {
		if err := r.Do(ctx, "CLUSTER", "MEET", loopback, other.at.port.Number(), other.at.bus.Number()).Err(); err != nil {
			return err
		}
	}
	return nil
}

// eachNode is a condition that every node has to meet.
func (c *Cluster) eachNode(wrong func(s *Server, ctx context.Context, n int) error, n int) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, node := range c.nodes {
			if err := wrong(node, ctx, n); err != nil {
				return fmt.Errorf("node %s: %w", node.Address(), err)
			}
		}
		return nil
	}
}

// knows says what keeps a node from knowing n nodes, itself among them.
func (s *Server) knows(ctx context.Context, n int) error {
	return s.ask(ctx, func(r *redis.Client) error {
		text, err := r.ClusterNodes(ctx).Result()
		if err != nil {
			return err
		}
		known := 0
		for line := range strings.Lines(text) {
			if !strings.Contains(line, "handshake") && !strings.Contains(line, "disconnected") {
				known++
			}
		}
		if known != n {
			return fmt.Errorf("it knows %d nodes of %d", known, n)
		}
		return nil
	})
}

// isInOrder says what keeps a node from serving in a cluster of n, and a
// replica from following.
func (s *Server) isInOrder(ctx context.Context, n int) error {
	return s.ask(ctx, func(r *redis.Client) error {
		info, err := r.ClusterInfo(ctx).Result()
		if err != nil {
			return err
		}
		if !strings.Contains(info, "cluster_state:ok") {
			return errors.New("its cluster_state is not ok")
		}
		shards, err := slotTable(ctx, r)
		if err != nil {
			return err
		}
		serving := make(map[string]bool)
		for _, shard := range shards {
			for _, node := range shard.Nodes {
				serving[node.Addr] = true
			}
		}
		if len(serving) != n {
			return fmt.Errorf("it knows %d serving nodes of %d", len(serving), n)
		}
		replication, err := r.Info(ctx, "replication").Result()
		if err == nil && strings.Contains(replication, "role:slave") && !linkUp.MatchString(replication) {
			err = errors.New("it has no link to its primary")
		}
		return err
	})
}

// Addresses are where the nodes listen, primaries first.
func (c *Cluster) Addresses() []string {
	var all []string
	for _, node := range c.nodes {
		all = append(all, node.Address())
	}
	return all
}

// Nodes are the servers of the cluster; the first three began as primaries.
func (c *Cluster) Nodes() []*Server { return c.nodes }

// anyNode runs commands on the first node that is up.
func (c *Cluster) anyNode(ctx context.Context, commands func(*redis.Client) error) error {
	var down error
	for _, node := range c.nodes {
		if down = node.ask(ctx, commands); down == nil {
			return nil
		}
	}
	return down
}

// Close ends every node. Further calls do nothing.
func (c *Cluster) Close() error {
	var failed []error
	for _, node := range c.nodes {
		failed = append(failed, node.Close())
	}
	return errors.Join(failed...)
}
