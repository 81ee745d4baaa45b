package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
)

const (
	abusers   = 50 // connections of the abusing session, each with a request under way all the time
	abusePage = "/counter.php?ms=200"
)

// others are whom the abuser must not slow down.
var others = users{sessions: 20, interval: 500 * time.Millisecond, path: "/counter.php?ms=5"}

// abuse measures the others' 99th percentile with and without one session that
// keeps 50 requests under way.
func abuse(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	config := gateConfig{upstream: phpUpstream(pool)}
	f, err := s.abuseThrough(ctx, config, s.plan.rounds)
	f.Name = fmt.Sprintf("abuse: others' p%d with / without the abuser", s.plan.abusePercentile)
	f = f.within(s.plan.abuseBound)
	return []figure{f}, err
}

// unlocked is the same with no lock at all, for contrast.
func unlocked(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	return s.contrast(ctx, pool, "no locking at all")
}

// phpredis is the same with phpredis's own session lock, for contrast.
func phpredis(ctx context.Context, s *stand) ([]figure, error) {
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	pool, err := s.startPHP(ctx, redis.lockedSessions())
	if err != nil {
		return nil, err
	}
	return s.contrast(ctx, pool, "phpredis locking (lock_retries -1)")
}

// contrast measures without the gate's lock. Two rounds show what is to be
// shown, and there is no bound to be held to.
func (s *stand) contrast(ctx context.Context, pool *fpm.Pool, name string) ([]figure, error) {
	f, err := s.abuseThrough(ctx, gateConfig{lock: "mode: none", upstream: phpUpstream(pool)}, min(2, s.plan.rounds))
	f.Name = "abuse: the same with " + name
	return []figure{f}, err
}

func (s *stand) abuseThrough(ctx context.Context, config gateConfig, rounds int) (figure, error) {
	g, err := s.startGate(ctx, config)
	if err != nil {
		return figure{}, err
	}
	p := s.plan.abusePercentile
	var with, without []time.Duration
	for round := range rounds {
		for turn := range 2 {
			visit, tails, beside := s.visitAlone, &without, "alone"
			if (round+turn)%2 == 1 { // who begins changes from round to round
				visit, tails, beside = s.visitBeside, &with, "beside the abuser"
			}
			took, err := visit(ctx, g)
			if err != nil {
				return figure{}, err
			}
			tail := percentile(took, p)
			*tails = append(*tails, tail)
			s.progress("%-17s p50 %.1f, p%d %.1f ms (%d requests)", beside, inMillis(percentile(took, 50)), p, inMillis(tail), len(took))
		}
	}
	subject, base := s.plan.typical(with), s.plan.typical(without)
	return stated("", s.plan.overTail(subject, base), millis(subject, base), fmt.Sprintf(
		"p%d of rounds of %s, %s; %d sessions × %s every %s; abuser: %d × %s, one session; %s",
		p, s.plan.abusePhase, s.plan.ofRounds(rounds), others.sessions, others.path, others.interval, abusers, abusePage, config.said())), nil
}

// visitAlone lets the others visit with nobody beside them.
func (s *stand) visitAlone(ctx context.Context, g *gate) ([]time.Duration, error) {
	return others.visit(ctx, g.address, s.plan.abusePhase)
}

// visitBeside lets the others visit while the abuser is at work.
func (s *stand) visitBeside(ctx context.Context, g *gate) ([]time.Duration, error) {
	abusing, stop := context.WithCancel(ctx)
	defer stop()
	connections, err := dialEach(abusing, g.address, abusers)
	if err != nil {
		return nil, err
	}
	defer closeEach(connections)
	request := get(abusePage, newSession())
	failed := make([]error, abusers)
	var all sync.WaitGroup
	for i, c := range connections {
		all.Go(func() {
			for abusing.Err() == nil && failed[i] == nil {
				_, failed[i] = c.do(request)
			}
			if abusing.Err() != nil {
				failed[i] = nil // it was stopped, which breaks off what is under way
			}
		})
	}
	err = until(ctx, func() bool {
		n, err := g.inFlight(ctx)
		return err == nil && n >= abusers
	})
	var took []time.Duration
	if err == nil {
		took, err = s.visitAlone(ctx, g)
	}
	stop()
	all.Wait()
	closeEach(connections)
	return took, errors.Join(errors.Join(failed...), err, g.idle(ctx))
}
