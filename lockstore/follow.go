package lockstore

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// follower asks the Sentinels whom they call the master, and has the gate's
// clients leave the one before. By themselves they wait for a message, which the
// Sentinel that leads a fail-over sends last, when all replicas follow or
// failover-timeout has passed. Until then some of a gate's calls would go to the
// old master, which lives and takes them, and some to the new one.
type follower struct {
	wire      *wire
	sentinels []*redis.SentinelClient
	said      []string // whom each has named last
	due       bool     // a client may still be at another than they name
}

// newFollower returns nil where there are no Sentinels.
func newFollower(w *wire) *follower {
	if w.options.Mode != RedisSentinel {
		return nil
	}
	f := &follower{wire: w, said: make([]string, len(w.options.Addresses))}
	for _, address := range w.options.Addresses {
		f.sentinels = append(f.sentinels, w.options.sentinel(address))
	}
	return f
}

// run asks until ctx ends.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, jitter(pingEvery))
		if f.ask(ctx); f.due {
			f.due = f.follow(ctx) != nil
		}
	}
	for _, s := range f.sentinels {
		_ = s.Close()
	}
}

func (f *follower) ask(ctx context.Context) {
	for i, s := range f.sentinels {
		at, err := s.GetMasterAddrByName(ctx, f.wire.options.MasterName).Result()
		if err != nil || len(at) != 2 {
			continue // the others are asked, too
		}
		master := net.JoinHostPort(at[0], at[1])
		f.due = f.due || f.said[i] != master
		f.said[i] = master
	}
}

// follow has each client connect: then it asks its Sentinel, and closes the
// connections to any other server than that names.
func (f *follower) follow(ctx context.Context) error {
	w := f.wire
	return errors.Join(w.tryChannel(ctx, w.side), w.tryChannel(ctx, w.acquiring.client), w.tryChannel(ctx, w.releasing.client))
}

// sentinel makes a client of one Sentinel.
func (o *RedisOptions) sentinel(address string) *redis.SentinelClient {
	return redis.NewSentinelClient(&redis.Options{
		Addr:                     address,
		Username:                 o.SentinelUsername,
		Password:                 o.SentinelPassword,
		Protocol:                 2,
		TLSConfig:                o.TLS,
		MaxRetries:               -1,
		DialerRetries:            1,
		DialTimeout:              o.Timeout,
		ReadTimeout:              o.Timeout,
		WriteTimeout:             o.Timeout,
		PoolSize:                 1,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}
