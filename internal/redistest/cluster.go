package redistest

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redisserver"
)

// Cluster is a Redis Cluster of three primaries, and their replicas, that ends
// with its test.
type Cluster struct {
	all   *redisserver.Cluster
	nodes []*Server
}

// StartCluster runs a cluster with so many replicas for each primary. Redis
// needs two seconds for it.
func StartCluster(tb testing.TB, replicas int) *Cluster {
	tb.Helper()
	ctx, cancel := waiting(tb)
	defer cancel()
	all, err := redisserver.StartCluster(ctx, replicas)
	if err != nil {
		tb.Fatal(err)
	}
	closeAtEnd(tb, all)
	c := &Cluster{all: all}
	for _, node := range all.Nodes() {
		c.nodes = append(c.nodes, &Server{Server: node, tb: tb})
	}
	return c
}

// Addresses are where the nodes listen.
func (c *Cluster) Addresses() []string { return c.all.Addresses() }

// Node is the node at Addresses()[i]; the first three began as primaries.
func (c *Cluster) Node(i int) *Server { return c.nodes[i] }

// Client is a client of the cluster that is closed with the test.
func (c *Cluster) Client(tb testing.TB) *redis.ClusterClient {
	tb.Helper()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addresses()})
	tb.Cleanup(func() { client.Close() })
	return client
}

// NodeOf is the primary that has a key, alive or dead.
func (c *Cluster) NodeOf(tb testing.TB, key string) *Server {
	tb.Helper()
	return c.found(tb, func(ctx context.Context) (*redisserver.Server, error) {
		return c.all.NodeOf(ctx, key)
	})
}

// KillPrimary kills the primary that has a key, and returns it. With replicas
// WaitForPrimary waits for another; without them Restart brings it back.
func (c *Cluster) KillPrimary(tb testing.TB, key string) *Server {
	tb.Helper()
	primary := c.NodeOf(tb, key)
	primary.Kill()
	return primary
}

// WaitForPrimary returns the primary of a key that is not the one given, once
// the nodes agree on it and it serves. With nil any primary will do.
func (c *Cluster) WaitForPrimary(tb testing.TB, key string, not *Server) *Server {
	tb.Helper()
	return c.found(tb, func(ctx context.Context) (*redisserver.Server, error) {
		var former *redisserver.Server
		if not != nil {
			former = not.Server
		}
		return c.all.WaitForOwner(ctx, key, former)
	})
}

// MoveSlot moves the slot of a key, and all that is in it, to another primary
// while the cluster serves.
func (c *Cluster) MoveSlot(tb testing.TB, key string, to *Server) {
	tb.Helper()
	ctx, cancel := waiting(tb)
	defer cancel()
	if err := c.all.MoveSlot(ctx, key, to.Server); err != nil {
		tb.Fatal(err)
	}
}

func (c *Cluster) found(tb testing.TB, find func(context.Context) (*redisserver.Server, error)) *Server {
	tb.Helper()
	ctx, cancel := waiting(tb)
	defer cancel()
	server, err := find(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	for _, node := range c.nodes {
		if node.Server == server {
			return node
		}
	}
	tb.Fatalf("%s is no node of this cluster", server.Address())
	return nil
}
