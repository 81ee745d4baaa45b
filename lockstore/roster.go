package lockstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// roster is the servers of a cluster, for what any of them can do: what is
// published at one is heard at all of them. Each is given out in turn, in an
// order of the gate's own, so that gates spread; after each round the cluster is
// asked anew who is in it.
type roster struct {
	cluster *redis.ClusterClient

	mu   sync.Mutex
	rest []*redis.Client
}

// next gives out a server: not the one at that address, where there are others.
// Who has to ask waits for the answer alone: meanwhile servers that are known
// are given to others.
func (r *roster) next(ctx context.Context, not string) (*redis.Client, error) {
	if server := r.take(not); server != nil {
		return server, nil
	}
	servers := r.ask(ctx)
	if len(servers) == 0 {
		return nil, errNobody
	}
	at := max(slices.IndexFunc(servers, isNot(not)), 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = servers[at+1:]
	return servers[at], nil
}

// take returns nil where the round has no other server left.
func (r *roster) take(not string) *redis.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.IndexFunc(r.rest, isNot(not))
	if at < 0 {
		return nil
	}
	server := r.rest[at]
	r.rest = r.rest[at+1:]
	return server
}

func isNot(address string) func(*redis.Client) bool {
	return func(s *redis.Client) bool { return s.Options().Addr != address }
}

// ask learns who is in the cluster; nobody where no server says so.
func (r *roster) ask(ctx context.Context) []*redis.Client {
	var mu sync.Mutex
	var servers []*redis.Client
	_ = r.cluster.ForEachShard(ctx, func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		servers = append(servers, c)
		return nil
	})
	rand.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
	return servers
}

var errNobody = errors.New("lockstore: no server of the cluster says who is in it")
