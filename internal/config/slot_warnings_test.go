package config

import "testing"

func TestBoundsThatHoldNobodyBackAreWarnedOf(t *testing.T) {
	low := PriorityLow
	other, none := "other", "none"
	servers := func(slots ...int) (list []UpstreamServer) {
		for _, n := range slots {
			list = append(list, UpstreamServer{MaxInFlight: n})
		}
		return list
	}
	of := func(perClient int, slots ...int) Upstream {
		return Upstream{Name: "php", Servers: servers(slots...), MaxInFlightPerClient: perClient}
	}
	const (
		all      = "upstreams[0].max_in_flight_per_client: 10 is no less than the slots of all servers together (10): one client can take them all; leave some to the others"
		open     = "upstreams[0].servers[1].max_in_flight: 0 is no limit, and another server of the upstream has one: this one takes all that the others have no slot for, and nobody waits"
		priority = "rules[0].priority: does nothing: upstream php has neither max_in_flight nor max_in_flight_per_client, so nobody waits for a slot"
	)
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"no bounds", Config{Upstreams: []Upstream{of(0, 0, 0)}}, ""},
		{"8 of 10", Config{Upstreams: []Upstream{of(8, 5, 5)}}, ""},
		{"no bound on clients", Config{Upstreams: []Upstream{of(0, 5, 5)}}, ""},
		{"10 of 10", Config{Upstreams: []Upstream{of(10, 5, 5)}}, all},
		{"one server without a bound", Config{Upstreams: []Upstream{of(8, 5, 0)}}, open},
		{"a bound on clients alone", Config{Upstreams: []Upstream{of(8, 0)}, Rules: []Rule{{Priority: &low}}}, ""},
		{"a priority for nothing", Config{Upstreams: []Upstream{of(0, 0)}, Rules: []Rule{{Priority: &low}}}, priority},
		{"a priority elsewhere", Config{Upstreams: []Upstream{of(0, 0), {Name: other, Servers: servers(1)}}, Rules: []Rule{{Priority: &low, Upstream: &other}, {Priority: &low, Upstream: &none}}}, ""},
	} {
		if got := SlotWarnings(&tt.cfg).Error(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
