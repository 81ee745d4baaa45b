package redisserver

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// pollEvery is how often a condition is looked at.
	pollEvery = 10 * time.Millisecond
	// askLimit is how long one server may take to answer while a condition is
	// waited for: it may be down or halted on purpose.
	askLimit = 500 * time.Millisecond
	// tellLimit is for commands that are given once, to a server that is well.
	tellLimit = 10 * time.Second
)

// until returns when wrong finds nothing wrong any more, or when ctx ends, with
// the last that was wrong.
func until(ctx context.Context, what string, wrong func(context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := wrong(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("redisserver: %s: %w; last seen: %w", what, context.Cause(ctx), err)
		}
	}
}

// knock says whether somebody takes connections, within limit, where the server
// listens. A go-redis client of a server that is down writes to the process's
// log, and goes on trying for a while after it was closed.
func (s *Server) knock(ctx context.Context, limit time.Duration) error {
	o := s.ClientOptions()
	conn, err := (&net.Dialer{Timeout: limit}).DialContext(ctx, o.Network, o.Addr)
	if err == nil {
		err = conn.Close()
	}
	return err
}

// within is ClientOptions for one try that takes no longer than limit.
func (s *Server) within(limit time.Duration) *redis.Options {
	o := s.ClientOptions()
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = limit, limit, limit
	return o
}

// ask runs commands for a look at a server that may be down or halted, on a
// connection of their own, which cannot be one that died with an earlier
// process.
func (s *Server) ask(ctx context.Context, commands func(*redis.Client) error) error {
	return s.converse(ctx, askLimit, commands)
}

// tell runs commands that are not to be given twice.
func (s *Server) tell(ctx context.Context, commands func(*redis.Client) error) error {
	return s.converse(ctx, tellLimit, commands)
}

func (s *Server) converse(ctx context.Context, limit time.Duration, commands func(*redis.Client) error) error {
	if err := s.knock(ctx, limit); err != nil {
		return err
	}
	c := redis.NewClient(s.within(limit))
	defer c.Close()
	return commands(c)
}

// askSentinel is ask for a server that is a sentinel.
func (s *Server) askSentinel(ctx context.Context, commands func(*redis.SentinelClient) error) error {
	if err := s.knock(ctx, askLimit); err != nil {
		return fmt.Errorf("sentinel %s: %w", s.Address(), err)
	}
	c := redis.NewSentinelClient(s.within(askLimit))
	defer c.Close()
	if err := commands(c); err != nil {
		return fmt.Errorf("sentinel %s: %w", s.Address(), err)
	}
	return nil
}
