package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy"
)

// authority is what grants leases to this gate and to others.
type authority interface {
	Start(context.Context) error
	Away() bool
	Refused() error
	Close(context.Context) error
}

// locks is the store of a configuration.
type locks struct {
	proxy.Locker
	bound     func(lockstore.Limits)
	authority authority // nil: the gate is alone
	words     redisWords
	patience  time.Duration // for the authority to be told what has ended
}

// newLocks makes the store. The fingerprint is that of the secret under which
// session ids are hashed. It does not touch the network.
func newLocks(c *config.Config, fingerprint string, events *lockEvents) (*locks, error) {
	limits := waitingLimits(c)
	redis.SetLogger(events)
	if c.Lock.Store != config.StoreRedis {
		store := lockstore.NewMemory(limits)
		return &locks{Locker: store, bound: store.Bound}, nil
	}
	options, err := redisOptions(c)
	if err != nil {
		return nil, err
	}
	words := redisWords{c.Redis}
	options.Limits, options.Fingerprint, options.Events = limits, fingerprint, events.of(words)
	store, err := lockstore.NewRedis(options)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return &locks{Locker: store, bound: store.Bound, authority: store, words: words, patience: max(closeTimeout, 2*c.Redis.Timeout)}, nil
}

// waitingLimits bound who waits for a turn.
func waitingLimits(c *config.Config) lockstore.Limits {
	return lockstore.Limits{PerClient: c.Lock.MaxWaitingPerClient, Total: c.Lock.MaxWaitingTotal}
}

func redisOptions(c *config.Config) (lockstore.RedisOptions, error) {
	r := c.Redis
	password, err := r.ServerPassword()
	if err != nil {
		return lockstore.RedisOptions{}, err
	}
	watchers, err := r.WatcherPassword()
	if err != nil {
		return lockstore.RedisOptions{}, err
	}
	encryption, err := r.TLS.Config()
	if err != nil {
		return lockstore.RedisOptions{}, err
	}
	return lockstore.RedisOptions{
		Mode:             redisMode(r.Mode),
		Addresses:        r.Addresses,
		MasterName:       r.MasterName,
		Username:         r.Username,
		Password:         password,
		SentinelUsername: r.SentinelUsername,
		SentinelPassword: watchers,
		DB:               r.DB,
		TLS:              encryption,
		Prefix:           r.KeyPrefix,
		Timeout:          r.Timeout,
		PoolSize:         r.PoolSize,
		TTL:              c.Lock.TTL,
	}, nil
}

func redisMode(m config.RedisMode) lockstore.RedisMode {
	switch m {
	case config.RedisSingle:
		return lockstore.RedisSingle
	case config.RedisSentinel:
		return lockstore.RedisSentinel
	case config.RedisCluster:
		return lockstore.RedisCluster
	case config.RedisAuto:
	}
	return lockstore.RedisAuto
}

// start connects. A Redis that cannot be reached is a warning, one that does
// not fit an error.
func (l *locks) start(ctx context.Context) error {
	if l.authority == nil {
		return nil
	}
	if err := l.authority.Start(ctx); err != nil {
		return l.words.error(err)
	}
	return nil
}

// refused says why this gate must not work beside the others; "" if it may.
func (l *locks) refused() string {
	if l.authority == nil {
		return ""
	}
	if err := l.authority.Refused(); err != nil {
		return l.words.of(err)
	}
	return ""
}

// close tells the authority what has ended, and gives everything back. It may
// be called without start, or after a start that failed.
func (l *locks) close() error {
	if l.authority == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.patience)
	defer cancel()
	return l.authority.Close(ctx)
}

// away says that leases cannot be had.
func (l *locks) away() bool { return l.authority != nil && l.authority.Away() }

// registerDegraded adds the gauge that says that Redis is away, for turns or for
// limits.
func registerDegraded(reg prometheus.Registerer, away func() bool) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "sessiongate", Name: "degraded", Help: "1 while Redis cannot be asked.",
	}, func() float64 {
		if away() {
			return 1
		}
		return 0
	}))
}
