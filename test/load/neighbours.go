package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// neighbours are ordinary visitors, each with an address of its own, beside a
// load that takes all that it gets.
type neighbours struct {
	config gateConfig
	rounds int
	said   string // what the load is
	// load goes on until its context ends, and says with atWork that it has begun.
	// It returns nothing that comes of being ended.
	load func(ctx context.Context, g *gate, atWork func()) error
}

// apart are the visitors.
var apart = users{sessions: others.sessions, interval: others.interval, path: others.path, apart: true}

// behindProxy has the gate believe what this program says of its clients.
const behindProxy = `trusted_proxies: ["127.0.0.0/8"]`

// measure compares the visitors' tail beside the load and without it, in rounds
// that take turns.
func (n neighbours) measure(ctx context.Context, s *stand) (figure, error) {
	g, err := s.startGate(ctx, n.config)
	if err != nil {
		return figure{}, err
	}
	p := s.plan.abusePercentile
	var with, without []time.Duration
	for round := range n.rounds {
		for turn := range 2 {
			visit, tails, beside := s.apartAlone, &without, "alone"
			if (round+turn)%2 == 1 { // who begins changes from round to round
				visit, tails, beside = n.visitBeside(s), &with, "beside"
			}
			took, err := visit(ctx, g)
			if err != nil {
				return figure{}, err
			}
			tail := percentile(took, p)
			*tails = append(*tails, tail)
			s.progress("%-6s p50 %.1f, p%d %.1f ms (%d requests)", beside, inMillis(percentile(took, 50)), p, inMillis(tail), len(took))
		}
	}
	subject, base := s.plan.typical(with), s.plan.typical(without)
	return stated("", s.plan.overTail(subject, base), millis(subject, base), fmt.Sprintf(
		"p%d of rounds of %s, %s; %d clients × %s every %s; beside: %s; %s",
		p, s.plan.abusePhase, s.plan.ofRounds(n.rounds), apart.sessions, apart.path, apart.interval, n.said, n.config.said())), nil
}

func (s *stand) apartAlone(ctx context.Context, g *gate) ([]time.Duration, error) {
	return apart.visit(ctx, g.address, s.plan.abusePhase)
}

// visitBeside lets the visitors in once the load is at work.
func (n neighbours) visitBeside(s *stand) func(context.Context, *gate) ([]time.Duration, error) {
	return func(ctx context.Context, g *gate) ([]time.Duration, error) {
		loading, stop := context.WithCancel(ctx)
		defer stop()
		began, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- n.load(loading, g, func() { close(began) }) }()
		select {
		case <-began:
		case err := <-ended:
			return nil, fmt.Errorf("the load has ended before the visit: %w", err)
		}
		took, err := s.apartAlone(ctx, g)
		stop()
		return took, errors.Join(err, <-ended, g.idle(ctx))
	}
}
