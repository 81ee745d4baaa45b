package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/limiter"
)

// limits are the limits in use, and the Redis in which shared ones are counted.
type limits struct {
	events *limitEvents

	mu    sync.Mutex
	set   *limiter.Set
	names []string      // of the rate limits in set
	redis []*limitRedis // the last is in use; requests may still ask those before

	begun    bool               // settle has been called while limits were shared
	stop     context.CancelFunc // ends settling; nil before start
	settling sync.WaitGroup
}

// limitRedis has a client of its own: what limits ask never keeps a turn waiting.
type limitRedis struct {
	*limiter.Redis
	client redis.UniversalClient

	replaced atomic.Bool // nothing is told of it any more
}

// limitConnections is how many connections limits use, to each server.
const limitConnections = 8

func newLimits(events *limitEvents) *limits {
	return &limits{events: events, set: &limiter.Set{}}
}

// next makes the set of a configuration: what it has in common with the one in
// use goes on. Where there is an error, that one stays.
func (l *limits) next(c *config.Config) (*limiter.Set, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.SharesLimits() && len(l.redis) == 0 {
		if err := l.openLocked(c, c.Redis.Mode == config.RedisCluster); err != nil {
			return nil, err
		}
	}
	o := limiterOptions(c)
	o.Events = limiter.Events{Crowded: l.events.crowded}
	if n := len(l.redis); n > 0 {
		o.Redis = l.redis[n-1].Redis
	}
	set, err := l.set.Next(o)
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	l.set, l.names = set, nil
	for _, one := range o.Limits {
		l.names = append(l.names, one.Name)
	}
	return set, nil
}

// openLocked makes the Redis that is asked from now on; it does not touch the
// network.
func (l *limits) openLocked(c *config.Config, cluster bool) error {
	options, err := redisOptions(c)
	if err != nil {
		return err
	}
	client, err := options.Client(limitConnections, cluster || len(c.Redis.Addresses) > 1 && !c.Redis.HasSentinels())
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	one := &limitRedis{client: client}
	one.Redis, err = limiter.NewRedis(limiter.RedisOptions{
		Client:  client,
		Prefix:  c.Redis.KeyPrefix,
		Timeout: c.Redis.Timeout,
		Failed: func(err error) {
			if !one.replaced.Load() {
				l.events.failed(err)
			}
		},
		Away: func(err error) {
			if !one.replaced.Load() {
				l.events.turned(redisWords{c.Redis}, err)
			}
		},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("redis: %w", err), client.Close())
	}
	l.redis = append(l.redis, one)
	return nil
}

// settle finds out what kind of Redis redis.mode: auto means. changed is called
// where it is a cluster: a client of another kind has to ask. Until that is known
// calls fail, and limits are counted here. It is called again when another
// configuration is used: that may be the first to share limits.
func (l *limits) settle(ctx context.Context, c *config.Config, changed func()) error {
	if l.begun || !c.SharesLimits() {
		return nil
	}
	l.begun = true
	if c.Redis.Mode != config.RedisAuto || c.Redis.HasSentinels() || len(c.Redis.Addresses) > 1 {
		return nil
	}
	options, err := redisOptions(c)
	if err != nil {
		return err
	}
	settled := func(ctx context.Context) bool {
		cluster, err := options.Cluster(ctx)
		if err == nil && cluster {
			changed()
		}
		return err == nil
	}
	if settled(ctx) {
		return nil
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.settling.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if settled(ctx) {
				return
			}
		}
	})
	return nil
}

// overCluster has the next set ask a cluster.
func (l *limits) overCluster(c *config.Config) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.openLocked(c, true)
}

// closeReplaced closes those that the set in use does not ask. A request that began
// with the set before, and asks one all the same, is judged by this gate alone, as
// it was while nobody knew that the servers are a cluster.
func (l *limits) closeReplaced(c *config.Config) error {
	l.mu.Lock()
	last := max(len(l.redis)-1, 0)
	before := l.redis[:last]
	l.redis = l.redis[last:]
	l.mu.Unlock()
	var errs []error
	for _, r := range before {
		r.replaced.Store(true)
		if r.Away() {
			l.events.turned(redisWords{c.Redis}, nil)
		}
		r.Close()
		errs = append(errs, r.client.Close())
	}
	return errors.Join(errs...)
}

// away says that shared limits are counted by this gate alone.
func (l *limits) away() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.redis)
	return n > 0 && l.redis[n-1].Away()
}

// close gives everything back, when no request is under way any more.
func (l *limits) close() error {
	if l.stop != nil {
		l.stop()
	}
	l.settling.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, r := range l.redis {
		r.Close()
		errs = append(errs, r.client.Close())
	}
	l.redis = nil
	return errors.Join(errs...)
}

// limiterOptions are the limits of all requests and of all rules. 0 is no limit.
func limiterOptions(c *config.Config) limiter.Options {
	o := limiter.Options{Keys: c.LimitKeys}
	add := func(name string, l config.Limit) {
		if l.Rate > 0 {
			o.Limits = append(o.Limits, limiter.Limit{
				Name: name, Key: string(l.Key), Rate: float64(l.Rate), Burst: l.Burst, Scope: limiter.Scope(l.Scope), Enforce: l.Enforce,
			})
		}
	}
	for _, l := range c.Limits {
		add(l.Name, l)
	}
	for i := range c.Rules {
		for n, l := range c.Rules[i].Limits {
			add(c.Rules[i].LimitName(n), l)
		}
	}
	for _, one := range c.Concurrency {
		if one.Max > 0 {
			o.Concurrency = append(o.Concurrency, limiter.Concurrency{Name: one.Name, Key: string(one.Key), Max: one.Max, Enforce: one.Enforce})
		}
	}
	return o
}
