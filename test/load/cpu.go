package main

import (
	"context"
	"fmt"
	"time"

	process "github.com/sessiongate/sessiongate/internal/child" // child is the load program's own
)

// contender is a proxy whose CPU time is measured.
type contender struct {
	name    string
	pid     int
	address string
	load    crowd
	spent   []time.Duration // CPU time by round
}

// passes is how many parts a round is taken in. What else the machine does
// comes and goes in tenths of seconds, and should hit everybody.
const passes = 5

// race measures the contenders in rounds, with the same load. In each pass of a
// round everybody runs once; who begins changes from pass to pass, so that
// nobody has the better place.
func (s *stand) race(ctx context.Context, contenders []*contender) error {
	for _, c := range contenders {
		c.spent = make([]time.Duration, s.plan.rounds)
		if err := c.load.part(passes).run(ctx, c.address); err != nil { // warm-up
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for round := range s.plan.rounds {
		for pass := range passes {
			for i := range contenders {
				c := contenders[(round+pass+i)%len(contenders)]
				if err := c.measure(ctx, round); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
			}
		}
	}
	for _, c := range contenders {
		s.progress("%-46s %7.2f µs a request", c.name, inMicros(c.cpu()))
	}
	return nil
}

// measure adds one pass to a round.
func (c *contender) measure(ctx context.Context, round int) error {
	before, err := process.CPUTime(c.pid)
	if err != nil {
		return err
	}
	if err := c.load.part(passes).run(ctx, c.address); err != nil {
		return err
	}
	after, err := process.CPUTime(c.pid)
	if err != nil {
		return err
	}
	c.spent[round] += after - before
	return nil
}

// cpu is the CPU time a request, the median over the rounds.
func (c *contender) cpu() time.Duration {
	return median(c.spent) / time.Duration(c.load.requests)
}

// over is the ratio of this contender to another, and what it is made of.
func (c *contender) over(base *contender) (value float64, of string) {
	return ratio(c.cpu(), base.cpu()), fmt.Sprintf("%.1f / %.1f µs", inMicros(c.cpu()), inMicros(base.cpu()))
}
