package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// handOverTimes is what the rounds have shown of one lock.
type handOverTimes struct{ p50, p99 []time.Duration }

// handOver measures how long the turn of a session takes from one gate's store
// to another's, against rueidislock on the same Redis. In a quick run, where
// that is not built, against a message to Redis and back.
func handOver(ctx context.Context, s *stand) ([]figure, error) {
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	if s.plan.quick {
		return s.handOverAlone(ctx, redis)
	}
	peer, err := s.buildPeer(ctx, "rueidislock")
	if err != nil {
		return nil, err
	}
	programs := [2]string{s.program("handover"), peer}
	var times [2]handOverTimes
	for round := range s.plan.rounds {
		for turn := range programs {
			side := (round + turn) % 2 // who begins changes from round to round
			if err := times[side].measure(ctx, programs[side], redis, s.plan.handOvers); err != nil {
				return nil, err
			}
		}
	}
	with := fmt.Sprintf("two stores in one process, %d a round; rueidislock v1.0.79, KeyMajority 1, NoLoopTracking; one Redis", s.plan.handOvers)
	ours, theirs := times[0], times[1]
	s.progress("p50 %s, p99 %s", millis(median(ours.p50), median(theirs.p50)), millis(median(ours.p99), median(theirs.p99)))
	return []figure{
		timed("hand-over between gates: p50, store / rueidislock", ratio(median(ours.p50), median(theirs.p50)), 1, micros(median(ours.p50), median(theirs.p50)), with),
		timed("hand-over between gates: p99, store / rueidislock", ratio(median(ours.p99), median(theirs.p99)), 1, micros(median(ours.p99), median(theirs.p99)), with),
	}, nil
}

func (s *stand) handOverAlone(ctx context.Context, redis *redisServer) ([]figure, error) {
	var times handOverTimes
	var delays []time.Duration
	for range s.plan.rounds {
		delay, err := redis.delay(ctx)
		if err = errors.Join(err, times.measure(ctx, s.program("handover"), redis, s.plan.handOvers, s.plan.redisTimeout.String())); err != nil {
			return nil, err
		}
		delays = append(delays, delay)
	}
	const (
		bound = 100                    // what is far slower is a poll, not a push
		least = 100 * time.Microsecond // on a machine with other work to do
	)
	took, delay := median(times.p50), max(median(delays), least)
	return []figure{timed("hand-over between gates: p50, store / a message to Redis and back", ratio(took, delay), bound,
		micros(took, delay), fmt.Sprintf("two stores in one process, %d a round; one Redis", s.plan.handOvers))}, nil
}

// measure runs a program that prints how long each hand-over took.
func (t *handOverTimes) measure(ctx context.Context, program string, redis *redisServer, n int, more ...string) error {
	printed, err := exec.CommandContext(ctx, program, append([]string{redis.Address(), fmt.Sprint(n)}, more...)...).Output()
	if ended := new(exec.ExitError); errors.As(err, &ended) {
		err = fmt.Errorf("%w: %s", err, ended.Stderr)
	}
	var took []time.Duration
	if err == nil {
		err = json.Unmarshal(printed, &took)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(program), err)
	}
	t.p50, t.p99 = append(t.p50, percentile(took, 50)), append(t.p99, percentile(took, 99))
	return nil
}

// buildPeer builds a program of test/load/peers, each of which is a module of
// its own.
func (s *stand) buildPeer(ctx context.Context, name string) (string, error) {
	dir, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", module+"test/load").Output()
	if err != nil {
		return "", fmt.Errorf("find test/load: %w", err)
	}
	program := s.program(name)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", program, ".")
	build.Dir = filepath.Join(strings.TrimSpace(string(dir)), "peers", name)
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the peer %s: %w\n%s", name, err, out)
	}
	return program, nil
}

// micros spells the two sides of a ratio.
func micros(subject, base time.Duration) string {
	return fmt.Sprintf("%.0f / %.0f µs", inMicros(subject), inMicros(base))
}
