package main

import (
	"context"
	"fmt"
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
// it does to all of them. The first one is profiled where that is asked for.
func (s *stand) fight(ctx context.Context, against opponent, load crowd, duels []duel, profile string) ([]figure, error) {
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
			f.Bound = &d.bound
		}
		figures[i] = f
	}
	if profile == "" {
		return figures, nil
	}
	load = contenders[2].load
	return figures, gates[0].profile(ctx, profile, func() error { return load.run(ctx, gates[0].address) })
}

func cookieNote(cookies bool) string {
	if cookies {
		return ", session cookie"
	}
	return ""
}
