package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/sessiongate/sessiongate/internal/fpm"
)

// rollingUpstream is an upstream whose servers can be restarted.
type rollingUpstream struct {
	name, config string
	servers      []string
	restart      []func(context.Context, *gate) error
}

// list is the servers as the configuration has them.
func (u rollingUpstream) list() string {
	entries := make([]string, len(u.servers))
	for i, address := range u.servers {
		entries[i] = fmt.Sprintf("{address: %q}", address)
	}
	return "servers: [" + strings.Join(entries, ", ") + "]"
}

func (s *stand) rollHTTP(ctx context.Context) (rollingUpstream, error) {
	return s.rollBackends(ctx, func(_ context.Context, _ *gate, c *child, _ string) error {
		c.stop()
		return nil
	})
}

func (s *stand) rollKilledHTTP(ctx context.Context) (rollingUpstream, error) {
	return s.rollBackends(ctx, func(_ context.Context, _ *gate, c *child, _ string) error {
		c.kill()
		return nil
	})
}

// rollAnnouncedHTTP ends a server when the gate sends it nothing any more.
func (s *stand) rollAnnouncedHTTP(ctx context.Context) (rollingUpstream, error) {
	up, err := s.rollBackends(ctx, func(ctx context.Context, g *gate, c *child, address string) error {
		c.signal(syscall.SIGUSR1)
		defer c.stop()
		return g.awaitServer(ctx, address, 0)
	})
	up.config += ", health: {path: /health, interval: 100ms, timeout: 10s, fall: 1, rise: 1}"
	for i, restart := range up.restart {
		up.restart[i] = func(ctx context.Context, g *gate) error {
			err := restart(ctx, g)
			if err == nil {
				err = g.awaitServer(ctx, up.servers[i], 1)
			}
			return err
		}
	}
	return up, err
}

// awaitServer waits until a server is out and has nothing in flight (0), or is
// in (1).
func (g *gate) awaitServer(ctx context.Context, address string, healthy float64) error {
	err := until(ctx, func() bool {
		labels := fmt.Sprintf("{server=%q,upstream=\"app\"}", address)
		m, err := g.metrics(ctx)
		return err == nil && m["sessiongate_server_healthy"+labels] == healthy && (healthy == 1 || m["sessiongate_server_in_flight"+labels] == 0)
	})
	if err != nil {
		return fmt.Errorf("server %s does not become %v: %w", address, healthy, err)
	}
	return nil
}

// rollBackends runs two backends that end and start again on their address.
func (s *stand) rollBackends(ctx context.Context, end func(context.Context, *gate, *child, string) error) (rollingUpstream, error) {
	up := rollingUpstream{name: "app"}
	for range 2 {
		address, err := s.freePort()
		if err != nil {
			return up, err
		}
		running, _, err := s.startPrinting(ctx, "backend", address)
		if err != nil {
			return up, err
		}
		up.servers = append(up.servers, address)
		up.restart = append(up.restart, func(ctx context.Context, g *gate) error {
			err := errors.Join(end(ctx, g, running, address), calm(ctx, rollDown))
			if err == nil {
				running, _, err = s.startPrinting(ctx, "backend", address)
			}
			return err
		})
	}
	up.config = "name: app, protocol: http, " + up.list()
	return up, nil
}

func (s *stand) rollReloadedPHP(ctx context.Context) (rollingUpstream, error) {
	return s.rollPools(ctx, func(_ context.Context, p *fpm.Pool) error { return p.Reload() })
}

func (s *stand) rollPHP(ctx context.Context) (rollingUpstream, error) {
	return s.rollPools(ctx, func(ctx context.Context, p *fpm.Pool) error { return p.Restart(ctx) })
}

// rollPools runs two php-fpm pools on unix sockets.
func (s *stand) rollPools(ctx context.Context, restart func(context.Context, *fpm.Pool) error) (rollingUpstream, error) {
	up := rollingUpstream{name: "php"}
	for range 2 {
		pool, err := s.startPHP(ctx, s.unlockedSessions())
		if err != nil {
			return up, err
		}
		up.servers = append(up.servers, pool.Address())
		up.restart = append(up.restart, func(ctx context.Context, _ *gate) error { return restart(ctx, pool) })
	}
	up.config = fmt.Sprintf("name: php, protocol: fastcgi, %s, root: %q, local_root: %q, script: try", up.list(), s.pages(), s.pages())
	return up, nil
}
