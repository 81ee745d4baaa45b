package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// rolling restarts two servers of an upstream in turn, under load, in each of
// the ways in which servers are restarted.
func rolling(ctx context.Context, s *stand) ([]figure, error) {
	var figures []figure
	for _, way := range []restartWay{
		{name: "HTTP servers that fail their check first", start: (*stand).rollAnnouncedHTTP, inOrder: true, announced: true},
		{name: "HTTP servers, ended in order", start: (*stand).rollHTTP, inOrder: true},
		{name: "HTTP servers, killed", start: (*stand).rollKilledHTTP},
		{name: "php-fpm, reloaded", start: (*stand).rollReloadedPHP, inOrder: true, announced: true},
		{name: "php-fpm, restarted at once", start: (*stand).rollPHP},
	} {
		more, err := s.rollingIn(ctx, way)
		s.clear()
		if err != nil {
			return figures, fmt.Errorf("%s: %w", way.name, err)
		}
		figures = append(figures, more...)
	}
	return figures, nil
}

// restartWay is how servers are restarted.
type restartWay struct {
	name string
	// start runs the servers of an upstream.
	start func(*stand, context.Context) (rollingUpstream, error)
	// inOrder: a server ends what it has begun.
	inOrder bool
	// announced: nothing is on its way to a server that ends.
	announced bool
}

const (
	rollers   = 16                    // clients, half of whose requests are POST
	rollEvery = 10 * time.Millisecond // of each client
	rollPage  = "/slow.php?ms=3"
	rollCalm  = 500 * time.Millisecond // between two restarts
	rollDown  = 150 * time.Millisecond // that a server is away, where it is
)

func (s *stand) rollingIn(ctx context.Context, way restartWay) ([]figure, error) {
	up, err := way.start(s, ctx)
	if err != nil {
		return nil, err
	}
	config := gateConfig{upstream: up.config}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return nil, err
	}
	journal := filepath.Join(s.dir, "rolling-"+up.name)
	var rolled rolls
	if err := rolled.load(ctx, g, journal, func() error { return restartEach(ctx, g, up, s.plan.restarts) }); err != nil {
		return nil, err
	}
	if err := g.idle(ctx); err != nil {
		return nil, err
	}
	metrics, err := g.metrics(ctx)
	if err != nil {
		return nil, err
	}
	begun, err := begins(journal)
	if err != nil {
		return nil, errors.Join(err, os.Remove(journal))
	}
	unsent := metrics[fmt.Sprintf("sessiongate_upstream_errors_total{kind=\"connect\",upstream=%q}", up.name)]
	next := metrics[fmt.Sprintf("sessiongate_next_server_total{upstream=%q}", up.name)]
	twice, unseen, cutOff := rolled.count(begun)
	s.progress("%s: %d requests, %.0f to the next server; failed: %.0f unsent, %d that no server has begun, %d cut off; %d twice",
		way.name, len(rolled.all), next, unsent, unseen, cutOff, twice)
	with := fmt.Sprintf("two servers restarted %d times each under %d clients, a request every %s each, GET and POST by turns, %s; %s",
		s.plan.restarts, rollers, rollEvery, rollPage, config.said())
	of := fmt.Sprintf("of %d, %.0f of which went to the next server", len(rolled.all), next)
	name := "rolling restart, " + way.name + ": "
	figures := []figure{
		held(name+"came twice", float64(twice), 0, of, with),
		held(name+"failed with nothing sent", unsent, 0, of, with),
		boundIf(way.announced, stated(name+"sent, and begun by no server", float64(unseen), of, with)),
		boundIf(way.inOrder, stated(name+"begun, and cut off", float64(cutOff), of, with)),
	}
	return figures, os.Remove(journal)
}

// boundIf holds a figure to none where that is promised.
func boundIf(promised bool, f figure) figure {
	if promised {
		f.Bound = new(float64)
	}
	return f
}

// restartEach restarts one server after the other, again and again.
func restartEach(ctx context.Context, g *gate, up rollingUpstream, times int) error {
	for range times {
		for _, restart := range up.restart {
			if err := calm(ctx, rollCalm); err != nil {
				return err
			}
			if err := restart(ctx, g); err != nil {
				return err
			}
		}
	}
	return calm(ctx, rollCalm)
}

// calm waits while the load goes on.
func calm(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rolls are the requests of a rolling restart.
type rolls struct {
	mu  sync.Mutex
	all map[string]bool // by id: whether it was answered
}

// load has the clients come while something is done.
func (r *rolls) load(ctx context.Context, g *gate, journal string, do func() error) error {
	r.all = map[string]bool{}
	coming, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	failed := make([]error, rollers)
	for i := range rollers {
		all.Go(func() {
			if failed[i] = r.client(ctx, coming, g, journal, i); failed[i] != nil {
				stop()
			}
		})
	}
	err := do()
	stop()
	all.Wait()
	return errors.Join(err, errors.Join(failed...))
}

// client sends a request at a steady pace until coming ends.
func (r *rolls) client(ctx, coming context.Context, g *gate, journal string, number int) error {
	c, err := dial(ctx, g.address)
	if err != nil {
		return err
	}
	defer func() { c.close() }()
	session := newSession()
	tick := time.NewTicker(rollEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-coming.Done():
			return nil
		}
		id := fmt.Sprintf("%d-%d", number, i)
		path := rollPage + "&id=" + id + "&journal=" + journal
		request := get(path, session)
		if i%2 == 1 {
			request = post(path, session, "body")
		}
		_, err := c.do(request)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.mu.Lock()
		r.all[id] = err == nil
		r.mu.Unlock()
		if err != nil { // the gate may have cut it: a new one
			c.close()
			if c, err = dial(ctx, g.address); err != nil {
				return err
			}
		}
	}
}

// count says how many requests came twice, and how many failed: without that a
// server had begun them, and with it.
func (r *rolls) count(begun map[string]int) (twice, unseen, cutOff int) {
	for id, answered := range r.all {
		switch times := begun[id]; {
		case times > 1:
			twice++
		case !answered && times == 0:
			unseen++
		case !answered:
			cutOff++
		}
	}
	return twice, unseen, cutOff
}

// begins counts how often each request was begun.
func begins(journal string) (map[string]int, error) {
	written, err := os.ReadFile(journal)
	if err != nil {
		return nil, err
	}
	times := map[string]int{}
	for line := range strings.Lines(string(written)) {
		if word, rest, _ := strings.Cut(line, " "); word == "begin" {
			id, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			times[id]++
		}
	}
	return times, nil
}
