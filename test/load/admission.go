package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

const (
	slots          = workers // the gate is alone
	slotsPerClient = 8
	abuserAddress  = "198.51.100.1"
)

// admission measures other clients beside one with fifty sessions, each of which
// has a slow page under way all the time: with its slots bounded, with turns
// alone, and without admission.
func admission(ctx context.Context, s *stand) ([]figure, error) {
	pool, err := s.startPHP(ctx, s.unlockedSessions())
	if err != nil {
		return nil, err
	}
	ways := []struct {
		name     string
		upstream string
		with     string
	}{
		{fmt.Sprintf("%d of %d slots a client", slotsPerClient, slots), boundedUpstream(pool, slots, slotsPerClient), fmt.Sprintf("max_in_flight: %d, max_in_flight_per_client: %d", slots, slotsPerClient)},
		{fmt.Sprintf("%d slots, clients in turn", slots), boundedUpstream(pool, slots, 0), fmt.Sprintf("max_in_flight: %d", slots)},
		{"without admission", phpUpstream(pool), "max_in_flight: 0"},
	}
	var figures []figure
	for i, way := range ways {
		n := neighbours{
			config: gateConfig{server: behindProxy, upstream: way.upstream},
			rounds: min(s.plan.rounds, s.plan.neighbourRounds),
			said:   fmt.Sprintf("%d sessions of one client × %s; %s", abusers, abusePage, way.with),
			load:   fiftySessions,
		}
		if i > 0 {
			if s.plan.quick {
				break // there is nothing that they are held to
			}
			n.rounds = min(2, n.rounds)
		}
		f, err := n.measure(ctx, s)
		if err != nil {
			return figures, err
		}
		f.Name = fmt.Sprintf("admission, %s: others' p%d beside fifty slow sessions / alone", way.name, s.plan.abusePercentile)
		if i == 0 {
			f = f.within(s.plan.admissionBound)
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// fiftySessions keeps a slow page of each of one client's sessions under way.
// None of them may be refused: what is too much waits.
func fiftySessions(ctx context.Context, g *gate, atWork func()) error {
	connections, err := dialEach(ctx, g.address, abusers)
	if err != nil {
		return err
	}
	defer closeEach(connections)
	failed := make([]error, abusers)
	var all sync.WaitGroup
	for i, c := range connections {
		request := from(abuserAddress, get(abusePage, newSession()))
		all.Go(func() {
			for ctx.Err() == nil && failed[i] == nil {
				_, failed[i] = c.do(request)
			}
			if ctx.Err() != nil {
				failed[i] = nil // it was stopped, which breaks off what is under way
			}
		})
	}
	err = until(ctx, func() bool {
		n, err := g.inFlight(ctx)
		return err == nil && n >= abusers
	})
	if err == nil {
		atWork()
	}
	all.Wait()
	return errors.Join(errors.Join(failed...), err)
}
