package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// outage kills Redis under load and starts it again, empty, in each of the
// modes of lock.on_store_failure.
func outage(ctx context.Context, s *stand) ([]figure, error) {
	l, err := s.startLedger(ctx)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, mode := range []string{"local", "closed", "open"} {
		more, err := s.outageIn(ctx, l, mode)
		if err != nil {
			return figures, fmt.Errorf("%s: %w", mode, err)
		}
		figures = append(figures, more...)
	}
	return figures, nil
}

// outageGates is how many gates share the Redis. Each session visits all of them.
const outageGates = 2

func (s *stand) outageIn(ctx context.Context, l *ledger, mode string) ([]figure, error) {
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	config := gateConfig{redis: redis.Address(), lock: "on_store_failure: " + mode, upstream: httpUpstream(l.address)}
	gates, err := s.startGates(ctx, outageGates, config)
	if err != nil {
		return nil, err
	}
	var normal, degraded, around, notice, recovery []time.Duration
	var wrong, asked int
	var worst time.Duration
	for range s.plan.outageRounds {
		v := &visits{mode: mode}
		phases, err := v.throughOutage(ctx, redis, gates, s.plan.outagePhase)
		if err != nil {
			return nil, err
		}
		before, transition, during := v.tails(phases)
		normal, around, degraded = append(normal, before), append(around, transition), append(degraded, during)
		notice = append(notice, phases.noticed.Sub(phases.killed))
		recovery = append(recovery, phases.healthy.Sub(phases.restarted))
		wrong, asked = wrong+v.wrong(phases), asked+len(v.all)
		worst = max(worst, v.worst())
		s.progress("%-6s p99 %s degraded / normal, worst %.0f ms, noticed after %.2f s, recovered after %.2f s", mode, millis(during, before),
			inMillis(v.worst()), phases.noticed.Sub(phases.killed).Seconds(), phases.healthy.Sub(phases.restarted).Seconds())
	}
	for _, g := range gates {
		g.stop()
	}
	with := fmt.Sprintf("Redis killed for %s and started empty; %d sessions, a request every %s each, through %d gates in turns; %s",
		s.plan.outagePhase, visitors, visitEvery, outageGates, config.said())
	name := "Redis away, " + mode + ": "
	most := 1.2*inMillis(median(normal)) + 5
	if s.plan.quick {
		most = 10*inMillis(median(normal)) + 300
	}
	others := held(name+"answers other than the design says", float64(wrong), 0, fmt.Sprintf("of %d", asked), with)
	// A machine that stands still for half a second passes for a Redis that is
	// away, at which requests are refused in this mode and in no other.
	others.timed = mode == "closed"
	return []figure{
		others,
		timed(name+"longest time of any request, ms", inMillis(worst), 2000, "worst of all rounds, before, meanwhile and after", with),
		timed(name+"p99 while degraded, ms", inMillis(median(degraded)), most, fmt.Sprintf("normal %.1f ms", inMillis(median(normal))), with),
		stated(name+"p99 of what was sent until the gates noticed, ms", inMillis(median(around)), fmt.Sprintf("noticed after %.0f ms", inMillis(median(notice))), with),
		timed(name+"s from the start of Redis until all is normal", median(recovery).Seconds(), 5, "the gates were not restarted", with),
	}, nil
}

const (
	visitors   = 40
	visitEvery = 40 * time.Millisecond
)

// visits are the requests of visitors, with what came of them.
type visits struct {
	mode string

	mu  sync.Mutex
	all []visit
}

type visit struct {
	at     time.Time
	took   time.Duration
	status int
	after  string // Retry-After
}

// outagePhases are the moments that part the visits: noticed is when all gates
// say that they are degraded, healthy when none does any more.
type outagePhases struct{ killed, noticed, restarted, healthy time.Time }

// throughOutage lets the visitors come before, during and after an outage.
func (v *visits) throughOutage(ctx context.Context, redis *redisServer, gates []*gate, phase time.Duration) (p outagePhases, err error) {
	visiting, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	failed := make([]error, visitors)
	for i := range visitors {
		all.Go(func() {
			failed[i] = v.visitor(ctx, visiting, gates, visitEvery*time.Duration(i)/visitors)
			if failed[i] != nil {
				stop() // what follows would mean nothing
			}
		})
	}
	wait := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-visiting.Done():
		}
	}
	wait(phase)
	p.killed = time.Now()
	redis.Kill()
	err = until(ctx, func() bool { return allDegraded(ctx, gates, 1) })
	p.noticed = time.Now()
	wait(phase)
	p.restarted = time.Now()
	if err = errors.Join(err, redis.Restart(ctx)); err == nil {
		err = until(ctx, func() bool { return allDegraded(ctx, gates, 0) })
	}
	p.healthy = time.Now()
	wait(phase / 2)
	stop()
	all.Wait()
	return p, errors.Join(err, errors.Join(failed...))
}

// allDegraded says whether all gates say that they are degraded (1), or that
// they are not (0).
func allDegraded(ctx context.Context, gates []*gate, want float64) bool {
	for _, g := range gates {
		m, err := g.metrics(ctx)
		if degraded, there := m["sessiongate_degraded"]; err != nil || !there || degraded != want {
			return false
		}
	}
	return true
}

// visitor sends a request at a steady pace, to each gate in turn, until
// visiting ends.
func (v *visits) visitor(ctx, visiting context.Context, gates []*gate, first time.Duration) error {
	connections, err := dialGates(ctx, gates)
	if err != nil {
		return err
	}
	defer closeEach(connections)
	request := get("/?ms=1", newSession())
	due := time.NewTimer(first)
	defer due.Stop()
	for i := 0; ; i++ {
		select {
		case <-due.C:
		case <-visiting.Done():
			return nil
		}
		began := time.Now()
		c := connections[i%len(connections)]
		if err := c.send(request); err != nil {
			return err
		}
		a, err := c.receiveAny()
		if err != nil {
			return err
		}
		v.add(visit{at: began, took: time.Since(began), status: a.status, after: a.header.Get("Retry-After")})
		due.Reset(time.Until(began.Add(visitEvery)))
	}
}

func (v *visits) add(one visit) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = append(v.all, one)
}

// tails are the 99th percentiles of the requests that had their answer before
// Redis was killed, of those that had it later and were sent before all gates
// had noticed, and of those that were sent while the gates were degraded and
// Redis was away.
func (v *visits) tails(p outagePhases) (before, transition, during time.Duration) {
	var normal, around, degraded []time.Duration
	for _, one := range v.all {
		switch {
		case one.at.Add(one.took).Before(p.killed):
			normal = append(normal, one.took)
		case one.at.Before(p.noticed):
			around = append(around, one.took)
		case one.at.Before(p.restarted):
			degraded = append(degraded, one.took)
		}
	}
	return percentile(normal, 99), percentile(around, 99), percentile(degraded, 99)
}

// wrong counts the answers that docs/architecture.md, "What happens when", does
// not allow: 200 it must be, but for 503 with Retry-After while Redis is away and
// the mode is closed. Until the gates have noticed and until they have found it
// again, both are right there.
func (v *visits) wrong(p outagePhases) int {
	n := 0
	for _, one := range v.all {
		ended := one.at.Add(one.took)
		may503 := v.mode == "closed" && ended.After(p.killed) && one.at.Before(p.healthy)
		must503 := may503 && one.at.After(p.noticed) && ended.Before(p.restarted)
		switch {
		case one.status == http.StatusOK && !must503:
		case one.status == http.StatusServiceUnavailable && one.after != "" && may503:
		default:
			n++
		}
	}
	return n
}

func (v *visits) worst() time.Duration {
	var worst time.Duration
	for _, one := range v.all {
		worst = max(worst, one.took)
	}
	return worst
}
