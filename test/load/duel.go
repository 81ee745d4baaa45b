package main

import (
	"context"
	"fmt"
	"strings"
)

// duel is a comparison of the gate's CPU time with another proxy's.
type duel struct {
	name    string
	config  gateConfig
	cookies bool    // requests carry a session cookie, a session a client
	bound   float64 // of the ratio; 0: only stated
}

// opponent is the proxy that the gate is compared with.
type opponent struct {
	name    string
	pid     int
	address string
}

// fight measures all duels in one race: whatever the machine does meanwhile,
// it does to all of them.
func (s *stand) fight(ctx context.Context, against opponent, load crowd, duels []duel) ([]figure, error) {
	bases := map[bool]*contender{}
	contenders := make([]*contender, 0, len(duels)+2)
	for _, cookies := range []bool{false, true} {
		load.cookies = cookies
		bases[cookies] = &contender{name: against.name + cookieNote(cookies), pid: against.pid, address: against.address, load: load}
		contenders = append(contenders, bases[cookies])
	}
	gates := make([]*gate, len(duels))
	for i, d := range duels {
		g, err := s.startGate(ctx, d.config)
		if err != nil {
			return nil, err
		}
		load.cookies = d.cookies
		gates[i] = g
		contenders = append(contenders, &contender{name: "gate, " + d.name + cookieNote(d.cookies), pid: g.pid(), address: g.address, load: load})
	}
	if err := s.race(ctx, contenders); err != nil {
		return nil, err
	}
	figures := make([]figure, len(duels))
	for i, d := range duels {
		value, of := contenders[i+2].over(bases[d.cookies])
		f := stated("CPU a request: "+d.name+cookieNote(d.cookies)+", gate / "+against.name, value, of,
			fmt.Sprintf("%d keep-alive clients; %s", load.clients, d.config.said()))
		if d.bound > 0 {
			f = f.within(d.bound)
		}
		figures[i] = f
	}
	if s.plan.profile == "" {
		return figures, nil
	}
	return figures, s.profileEach(ctx, gates, contenders[2:])
}

// profileEach takes a CPU profile of each gate under its load, when all has
// been measured: profiling costs CPU time as well.
func (s *stand) profileEach(ctx context.Context, gates []*gate, contenders []*contender) error {
	for i, c := range contenders {
		name := strings.NewReplacer(",", "", " ", "-").Replace(c.name)
		err := gates[i].profile(ctx, s.plan.profile+"-"+name+".pprof", func() error { return c.load.part(passes).run(ctx, c.address) })
		if err != nil {
			return fmt.Errorf("profile of %s: %w", c.name, err)
		}
	}
	return nil
}

func cookieNote(cookies bool) string {
	if cookies {
		return ", session cookie"
	}
	return ""
}
