package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
)

const spreadGates = 3

// orderSpread sends the burst of order round robin over three gates that share
// one Redis, and the same number one after another through one of them. PHP
// keeps the sessions where order has it keep them, in files that nobody locks.
func orderSpread(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	config := gateConfig{socket: true, redis: redis.Address(), redisTimeout: s.plan.redisTimeout, upstream: phpUpstream(pool)}
	r, err := s.spreadThrough(ctx, config, s.plan.rounds)
	if err != nil {
		return nil, err
	}
	delay, err := redis.delay(ctx)
	if err != nil {
		return nil, err
	}
	n := burst * len(r.atOnce)
	fast, slow := s.plan.typical(r.atOnce), s.plan.typical(r.oneByOne)
	with := fmt.Sprintf("%s, sent %s apart round robin over %d gates on one Redis, a connection each; %s", burstSaid, burstGap, spreadGates, config.said())
	return []figure{
		held("order over 3 gates: lost updates in all rounds", float64(r.lost), 0, fmt.Sprintf("of %d", 2*n), with),
		timed("order over 3 gates: requests overtaken by one that came 1 ms later or more", float64(r.overtaken),
			s.plan.spreadOvertakeBound, fmt.Sprintf("of %d; a message to Redis and back takes %.2f ms", n, inMillis(delay)), with),
		timed("order over 3 gates: time of all, at once / one after another through one gate", ratio(fast, slow), s.plan.spreadTimeBound,
			millis(fast, slow), with),
	}, nil
}

// orderPolled is the same with phpredis's lock, which polls, in place of the
// gates'. For contrast: two rounds show it.
func orderPolled(ctx context.Context, s *stand) ([]figure, error) {
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	pool, err := s.startPHP(ctx, redis.lockedSessions())
	if err != nil {
		return nil, err
	}
	r, err := s.polledThrough(ctx, pool)
	if err != nil {
		return nil, err
	}
	with := fmt.Sprintf("%s, sent %s apart round robin over %d gates; lock: {mode: none}, phpredis locking (lock_retries -1)", burstSaid, burstGap, spreadGates)
	fast, slow := median(r.atOnce), median(r.oneByOne)
	return []figure{
		stated("order over 3 gates, polled lock: requests overtaken", float64(r.overtaken), fmt.Sprintf("of %d", burst*len(r.atOnce)), with),
		stated("order over 3 gates, polled lock: time of all, at once / one after another", ratio(fast, slow), millis(fast, slow), with),
	}, nil
}

func (s *stand) polledThrough(ctx context.Context, pool *fpm.Pool) (spreadRounds, error) {
	config := gateConfig{socket: true, lock: "mode: none", upstream: phpUpstream(pool)}
	return s.spreadThrough(ctx, config, min(2, s.plan.rounds))
}

// spreadRounds is what the rounds have shown.
type spreadRounds struct {
	atOnce, oneByOne []time.Duration
	lost, overtaken  int
}

func (s *stand) spreadThrough(ctx context.Context, config gateConfig, rounds int) (spreadRounds, error) {
	var r spreadRounds
	gates, err := s.startGates(ctx, spreadGates, config)
	if err != nil {
		return r, err
	}
	for _, g := range gates { // connections to Redis and PHP
		if _, _, err := sendOneByOne(ctx, g.address); err != nil {
			return r, err
		}
	}
	for round := range rounds {
		for turn := range 2 {
			if (round+turn)%2 == 1 { // who begins changes from round to round
				counts, took, err := sendOneByOne(ctx, gates[round%len(gates)].address)
				if err != nil {
					return r, err
				}
				r.oneByOne, r.lost = append(r.oneByOne, took), r.lost+lostUpdates(counts)
				continue
			}
			counts, took, err := sendSpread(ctx, gates)
			if err != nil {
				return r, err
			}
			r.atOnce, r.lost = append(r.atOnce, took), r.lost+lostUpdates(counts)
			r.overtaken += overtakenByAny(counts)
		}
	}
	s.progress("at once %.1f ms, one after another %.1f ms, overtaken %d of %d", inMillis(median(r.atOnce)), inMillis(median(r.oneByOne)), r.overtaken, burst*len(r.atOnce))
	return r, nil
}

// sendSpread is sendBurst round robin over gates. The next request is sent when
// the gate of the last one has read it and burstGap has passed since. That is
// longer than a message takes to Redis and back, so that there is no doubt about
// who came first: every change of order counts.
func sendSpread(ctx context.Context, gates []*gate) ([]int, time.Duration, error) {
	connections, err := dialGates(ctx, slices.Repeat(gates, burst/len(gates)+1)[:burst])
	if err != nil {
		return nil, 0, err
	}
	defer closeEach(connections)
	request, counts, failed := get(burstPage, newSession()), make([]int, burst), make([]error, burst)
	var answers sync.WaitGroup
	began := time.Now()
	for i, c := range connections {
		if err = errors.Join(c.send(request), awaitTakenSoon(ctx, c)); err != nil {
			closeEach(connections) // nobody waits for answers any more
			break
		}
		answers.Go(func() { counts[i], failed[i] = count(c.receive()) })
		time.Sleep(burstGap)
	}
	answers.Wait()
	return counts, time.Since(began), errors.Join(err, errors.Join(failed...))
}

// awaitTakenSoon is awaitTaken for when the moment matters as well: it looks
// more often.
func awaitTakenSoon(ctx context.Context, c *connection) error {
	const look = 50 * time.Microsecond
	for ctx.Err() == nil {
		if taken, err := c.taken(); taken || err != nil {
			return err
		}
		time.Sleep(look)
	}
	return context.Cause(ctx)
}

// overtakenByAny is how many requests were served after one that was sent later.
func overtakenByAny(counts []int) int {
	n, least := 0, math.MaxInt
	for _, count := range slices.Backward(counts) {
		if count > least {
			n++
		}
		least = min(least, count)
	}
	return n
}

// delay is how long a message to Redis and back takes, the median.
func (r *redisServer) delay(ctx context.Context) (time.Duration, error) {
	took := make([]time.Duration, 200)
	for i := range took {
		began := time.Now()
		if err := r.client.Ping(ctx).Err(); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	return median(took), nil
}
