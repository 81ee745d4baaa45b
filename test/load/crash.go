package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"syscall"
	"time"
)

// crashScene is three gates on one Redis, of which the first will die or be
// halted, in front of a backend that tells when each request began.
type crashScene struct {
	ledger  *ledger
	redis   *redisServer
	gates   []*gate
	name    string // of its session and latch, in the ids of its requests, and before its keys
	session string
	queued  int // gates that wait for the turn

	mu      sync.Mutex
	clients []*connection
	answers sync.WaitGroup
}

// crash takes gates away while they hold the turn of a session, or wait for it,
// and looks at when the session's next request begins.
func crash(ctx context.Context, s *stand) ([]figure, error) {
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	l, err := s.startLedger(ctx)
	if err != nil {
		return nil, err
	}
	config := gateConfig{redis: redis.Address(), lock: fmt.Sprintf("ttl: %s", s.plan.crashTTL), upstream: httpUpstream(l.address)}
	config.redisTimeout = min(s.plan.redisTimeout, s.plan.crashTTL/5) // it must be below a quarter
	worst := crashTimes{late: math.Inf(-1)}
	for round := range s.plan.crashRounds {
		t, err := s.crashRound(ctx, config, redis, l, round)
		if err != nil {
			return nil, err
		}
		s.progress("holder killed: TTL %+.2f s; waiter killed %.0f ms, halted %.0f ms; lost lease not counted %d, out of order %d",
			t.late, t.killedWaiter, t.haltedWaiter, t.uncounted, t.disorder)
		worst.add(t)
	}
	with := fmt.Sprintf("worst of %d; 3 gates on one Redis; %s", s.plan.crashRounds, config.said())
	const confirmation = 1000 // ms, after which a lease that nobody confirms is free
	return []figure{
		timed("kill -9 of a gate that holds: next request of the session begins, s after the TTL", worst.late, 0.5, "through another gate", with),
		// A gate that stands still for two seconds loses its place.
		timed("kill -9 of a gate that holds: waiting requests begun out of order", float64(worst.disorder), 0, fmt.Sprintf("of %d", 2*s.plan.crashRounds), with),
		timed("kill -9 of a gate that waits: next request begins, ms after the turn is free", worst.killedWaiter, confirmation, "the killed gate was first in the queue", with),
		timed("SIGSTOP of a gate that waits: next request begins, ms after the turn is free", worst.haltedWaiter, confirmation+500, "confirmation time and a poll", with),
		held("SIGSTOP of a gate that holds, past the TTL: leases not counted as lost when it goes on", float64(worst.uncounted), 0,
			fmt.Sprintf("of %d; sessiongate_lease_lost_total", s.plan.crashRounds), with),
	}, nil
}

// crashTimes is what a round has shown.
type crashTimes struct {
	late                       float64 // s after the TTL
	killedWaiter, haltedWaiter float64 // ms
	uncounted, disorder        int
}

func (w *crashTimes) add(t crashTimes) {
	w.late = max(w.late, t.late)
	w.killedWaiter, w.haltedWaiter = max(w.killedWaiter, t.killedWaiter), max(w.haltedWaiter, t.haltedWaiter)
	w.uncounted, w.disorder = w.uncounted+t.uncounted, w.disorder+t.disorder
}

// crashRound plays all scenes at once, with gates of their own: most of the
// time they wait for a TTL.
func (s *stand) crashRound(ctx context.Context, config gateConfig, redis *redisServer, l *ledger, round int) (crashTimes, error) {
	var t crashTimes
	plays := []func(context.Context, *crashScene) error{
		func(ctx context.Context, c *crashScene) (err error) {
			t.late, t.disorder, err = c.killHolder(ctx, s.plan.crashTTL)
			return err
		},
		func(ctx context.Context, c *crashScene) (err error) {
			t.killedWaiter, err = c.loseWaiter(ctx, func(g *gate) { g.kill() })
			return err
		},
		func(ctx context.Context, c *crashScene) (err error) {
			t.haltedWaiter, err = c.loseWaiter(ctx, func(g *gate) { g.signal(syscall.SIGSTOP) })
			c.gates[0].signal(syscall.SIGCONT)
			return err
		},
		func(ctx context.Context, c *crashScene) (err error) {
			t.uncounted, err = c.haltHolder(ctx, s.plan.crashTTL)
			return err
		},
	}
	scenes, failed := make([]*crashScene, len(plays)), make([]error, len(plays))
	for i := range scenes {
		name := fmt.Sprintf("%d-%d", round, i)
		config.redisPrefix = name
		gates, err := s.startGates(ctx, 3, config)
		if err != nil {
			return t, err
		}
		scenes[i] = &crashScene{ledger: l, redis: redis, gates: gates, name: name, session: newSession()}
	}
	var all sync.WaitGroup
	for i, play := range plays {
		all.Go(func() { failed[i] = errors.Join(play(ctx, scenes[i]), scenes[i].end(ctx)) })
	}
	all.Wait()
	for _, c := range scenes {
		for _, g := range c.gates {
			g.stop()
		}
	}
	return t, errors.Join(failed...)
}

// killHolder kills the gate that has the turn while one request waits in each
// of the others.
func (c *crashScene) killHolder(ctx context.Context, ttl time.Duration) (late float64, disorder int, err error) {
	if err = errors.Join(c.hold(ctx, 0), c.wait(ctx, 1, "first"), c.wait(ctx, 2, "second")); err != nil {
		return 0, 0, err
	}
	c.gates[0].kill()
	killed := time.Now()
	first, err := c.begun(ctx, "first")
	if err != nil {
		return 0, 0, err
	}
	second, err := c.begun(ctx, "second")
	if second.Before(first) {
		disorder = 1
	}
	return (first.Sub(killed) - ttl).Seconds(), disorder, err
}

// loseWaiter has the gate that is first in the queue go, and then the turn
// become free.
func (c *crashScene) loseWaiter(ctx context.Context, lose func(*gate)) (ms float64, err error) {
	if err = errors.Join(c.hold(ctx, 1), c.wait(ctx, 0, "lost"), c.wait(ctx, 2, "next")); err != nil {
		return 0, err
	}
	lose(c.gates[0])
	free := time.Now()
	c.ledger.open(c.name)
	next, err := c.begun(ctx, "next")
	return inMillis(next.Sub(free)), err
}

// haltHolder halts the gate that has the turn until its lease has run out and
// another gate has the turn, and says whether it counts the lease as lost.
func (c *crashScene) haltHolder(ctx context.Context, ttl time.Duration) (uncounted int, err error) {
	if err = errors.Join(c.hold(ctx, 0), c.wait(ctx, 1, "next")); err != nil {
		return 0, err
	}
	c.gates[0].signal(syscall.SIGSTOP)
	halted := time.Now()
	_, err = c.begun(ctx, "next")
	time.Sleep(time.Until(halted.Add(ttl))) // the holder's own deadline
	c.gates[0].signal(syscall.SIGCONT)
	counted := until(ctx, func() bool {
		m, err := c.gates[0].metrics(ctx)
		return err == nil && m["sessiongate_lease_lost_total"] >= 1
	})
	if counted != nil {
		uncounted = 1
	}
	return uncounted, err
}

// hold has a request run through a gate until the scene's latch opens.
func (c *crashScene) hold(ctx context.Context, gate int) error {
	if err := c.send(ctx, gate, "/?until="+c.name+"&id="+c.name+"hold"); err != nil {
		return err
	}
	_, err := c.begun(ctx, "hold")
	return err
}

// wait sends a request that will wait, and returns when its gate has joined the
// queue.
func (c *crashScene) wait(ctx context.Context, gate int, id string) error {
	if err := c.send(ctx, gate, "/?id="+c.name+id); err != nil {
		return err
	}
	c.queued++
	err := until(ctx, func() bool {
		n, err := c.redis.queued(ctx, c.name)
		return err == nil && n == c.queued
	})
	if err != nil {
		err = fmt.Errorf("gate %d does not join the queue: %w", gate, err)
	}
	return err
}

// send sends a request of the session and takes its answer, whatever it is:
// the ledger tells what became of it.
func (c *crashScene) send(ctx context.Context, gate int, path string) error {
	conn, err := dial(ctx, c.gates[gate].address)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.clients = append(c.clients, conn)
	c.mu.Unlock()
	if err := conn.send(get(path, c.session)); err != nil {
		return err
	}
	c.answers.Go(func() { _, _ = conn.receiveAny() })
	return nil
}

func (c *crashScene) begun(ctx context.Context, id string) (time.Time, error) {
	return c.ledger.awaitBegun(ctx, c.name+id)
}

// end lets what still runs end.
func (c *crashScene) end(ctx context.Context) error {
	c.ledger.open(c.name)
	err := c.ledger.idle(ctx, c.session)
	closeEach(c.clients)
	c.answers.Wait()
	return err
}
