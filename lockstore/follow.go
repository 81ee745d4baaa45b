package lockstore

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// follower asks the Sentinels whom they call the master, and has the gate's
// clients leave the one before. By themselves they wait for what their own
// Sentinel announces, and the one that leads a fail-over does so last, when all
// replicas follow or failover-timeout has passed. Until then some of a gate's
// calls would go to the old master, which lives and takes them, and some to the
// new one. So each Sentinel is asked every second, and when it announces
// something; one that does not answer keeps no other waiting.
type follower struct {
	wire      *wire
	sentinels []*redis.SentinelClient
	every     time.Duration
	changed   chan struct{} // has room for one: a Sentinel names another than before
}

// newFollower returns nil where there are no Sentinels.
func newFollower(w *wire) *follower {
	if w.options.Mode != RedisSentinel {
		return nil
	}
	f := &follower{wire: w, every: pingEvery, changed: make(chan struct{}, 1)}
	for _, address := range w.options.Addresses {
		f.sentinels = append(f.sentinels, w.options.sentinel(address))
	}
	return f
}

// run follows until ctx ends.
func (f *follower) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range f.sentinels {
		all.Go(func() { f.attend(ctx, s) })
	}
	defer all.Wait()
	for {
		select {
		case <-f.changed:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil && f.follow(ctx) != nil {
			pause(ctx, jitter(tryEvery))
		}
	}
}

// attend asks one Sentinel, now and then and when it says that a master was
// replaced. Messages are hints: where none can be heard it is asked all the same.
func (f *follower) attend(ctx context.Context, s *redis.SentinelClient) {
	defer func() { _ = s.Close() }()
	announced := s.Subscribe(ctx, "+switch-master")
	hush := func() { _ = announced.Close() }
	defer hush()
	unhook := context.AfterFunc(ctx, hush)
	defer unhook()
	said := ""
	for ctx.Err() == nil {
		if master, err := f.ask(ctx, s); err == nil && master != said {
			said = master
			select {
			case f.changed <- struct{}{}:
			default: // somebody has said so
			}
		}
		began, every := time.Now(), jitter(f.every)
		if _, err := announced.ReceiveTimeout(ctx, every); err != nil {
			pause(ctx, every-time.Since(began)) // at once where the time is over
		}
	}
}

// ask returns whom a Sentinel calls the master.
func (f *follower) ask(ctx context.Context, s *redis.SentinelClient) (string, error) {
	at, err := s.GetMasterAddrByName(ctx, f.wire.options.MasterName).Result()
	if err == nil && len(at) != 2 {
		err = errReply
	}
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(at[0], at[1]), nil
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
