package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/limiter"
)

const (
	sharers       = 3
	sharerAskers  = 4 // at once, each
	sharerTimeout = 5 * time.Second
)

// shareLimit has three sets, with a client of Redis each, let through as much as
// they can of one key, and compares the sum with what the limit allows.
func shareLimit(ctx context.Context, s *stand) ([]figure, error) {
	server, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	limit := limiter.Limit{Name: "all", Key: "all", Rate: 1000, Burst: s.plan.limitBurst, Scope: limiter.ScopeShared, Enforce: true}
	before, err := server.calls(ctx)
	if err != nil {
		return nil, err
	}
	var passed, asked, standIn atomic.Int64
	failed := make([]error, sharers)
	began := time.Now()
	end := began.Add(s.plan.limitPhase)
	var all sync.WaitGroup
	for i := range sharers {
		all.Go(func() {
			failed[i] = share(ctx, server, limit, end, func(d limiter.Decision) {
				asked.Add(1)
				if d.Allowed {
					passed.Add(1)
				}
				if d.StandIn {
					standIn.Add(1)
				}
			})
		})
	}
	all.Wait()
	took := time.Since(began)
	after, err := server.calls(ctx)
	if err = errors.Join(err, errors.Join(failed...)); err != nil {
		return nil, err
	}
	allowed := limit.Rate*took.Seconds() + float64(limit.Burst)
	off := 100 * math.Abs(float64(passed.Load())/allowed-1)
	evalsha := after["evalsha"] - before["evalsha"]
	s.progress("shared: %d passed of %d, %.0f allowed; %d calls of Redis", passed.Load(), asked.Load(), allowed, evalsha)
	with := fmt.Sprintf("%d sets on one Redis, %d asking at once in each, for %v; rate %v/s, burst %d", sharers, sharerAskers, s.plan.limitPhase, limit.Rate, limit.Burst)
	return []figure{
		timed("shared limit: admitted in all, off what rate and burst allow, %", off, s.plan.limitBound, fmt.Sprintf("%d passed, %.0f allowed", passed.Load(), allowed), with),
		timed("shared limit: decisions without Redis", float64(standIn.Load()), 0, fmt.Sprintf("of %d", asked.Load()), with),
		stated("shared limit: calls of Redis a request that passed", float64(evalsha)/float64(passed.Load()), fmt.Sprintf("%d requests asked for, %d of them refused", asked.Load(), asked.Load()-passed.Load()), with),
	}, nil
}

// share asks for one key until the end, again as soon as something may have
// been refilled, and then for what is left. It tells each decision.
func share(ctx context.Context, server *redisServer, limit limiter.Limit, end time.Time, tell func(limiter.Decision)) error {
	options := server.ClientOptions()
	options.MaxRetries, options.ContextTimeoutEnabled = -1, true
	client := redis.NewClient(options)
	defer client.Close()
	r, err := limiter.NewRedis(limiter.RedisOptions{Client: client, Prefix: "sg:", Timeout: sharerTimeout})
	if err != nil {
		return err
	}
	defer r.Close()
	set, err := limiter.New(limiter.Options{Limits: []limiter.Limit{limit}, Redis: r})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for range sharerAskers {
		all.Go(func() {
			for ctx.Err() == nil {
				asks := []limiter.Ask{{Limiter: set.Limiter(limit.Name), Key: limiter.All}}
				passed := set.Take(ctx, time.Now(), asks)
				tell(asks[0].Decision)
				if !passed && !time.Now().Before(end) {
					return
				}
				time.Sleep(asks[0].Decision.RetryAfter)
			}
		})
	}
	all.Wait()
	return ctx.Err()
}
