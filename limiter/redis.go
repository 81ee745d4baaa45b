package limiter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Client is what is needed of a client of go-redis. Whoever makes it decides on
// servers, TLS and connections; its MaxRetries should be -1, for a call that is
// sent twice may charge twice, and ContextTimeoutEnabled true, for Timeout to hold.
type Client interface {
	Pipeline() redis.Pipeliner
}

// RedisOptions say how Redis is asked. Client must be said.
type RedisOptions struct {
	Client  Client
	Prefix  string        // of every key
	Timeout time.Duration // of one request's calls; 0: 250ms

	// Failed: a call failed. It may be nil, and must not block.
	Failed func(error)
	// Away: a server counts as away from now on (err says why), or none does any
	// more (nil). It may be nil, and must not block.
	Away func(error)
}

// Redis asks Redis for the limits of ScopeShared. One serves all sets; make it
// with NewRedis. Close it when no set is used any more.
type Redis struct {
	options RedisOptions

	end    context.CancelFunc
	ended  context.Context
	probes sync.WaitGroup

	mu      sync.Mutex
	servers map[string]*server
	away    int
	closed  bool
}

// NewRedis returns a Redis; it does not touch the network.
func NewRedis(o RedisOptions) (*Redis, error) {
	if o.Client == nil {
		return nil, errors.New("limiter: no client of Redis")
	}
	if strings.ContainsAny(o.Prefix, "{}") {
		return nil, fmt.Errorf("limiter: the prefix %q has a brace: all keys would be in one place of a cluster", o.Prefix)
	}
	if o.Timeout <= 0 {
		o.Timeout = 250 * time.Millisecond
	}
	r := &Redis{options: o, servers: make(map[string]*server)}
	r.ended, r.end = context.WithCancel(context.Background())
	return r, nil
}

// Away says that a server counts as away: limits whose buckets it has are judged
// in this process.
func (r *Redis) Away() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.away > 0
}

// Close ends the attempts to reach servers that are away. The client is its
// maker's to close, behind this; limits that are asked all the same are judged in
// this process then. To close twice does nothing more.
func (r *Redis) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.probes.Wait()
}

// run makes calls, in one round trip to each server, and takes in what they say
// of the servers. A call that cannot be made has an error. The caller's leaving
// does not cut them off: that would cost a connection each time.
func (r *Redis) run(ctx context.Context, calls []*call) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.options.Timeout)
	defer cancel()
	reachable := make([]*call, 0, len(calls))
	names := make([]string, 0, len(calls))
	for _, c := range calls {
		name := r.node(ctx, c.key)
		if r.isAway(name) {
			c.err = errAway
			continue
		}
		reachable, names = append(reachable, c), append(names, name)
	}
	if len(reachable) == 0 {
		return
	}
	run(ctx, r.options.Client, reachable)
	for i, c := range reachable {
		r.judge(names[i], c)
	}
}

// node is the address of the primary that has a key, as far as the client knows;
// there is only one outside of a cluster.
func (r *Redis) node(ctx context.Context, key string) string {
	cluster, ok := r.options.Client.(*redis.ClusterClient)
	if !ok || r.isAway("") {
		return "" // away: not even who has which key is known
	}
	at, err := cluster.MasterForKey(ctx, key)
	if err != nil {
		return ""
	}
	return at.Options().Addr
}
