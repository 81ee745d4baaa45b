package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestTooFewDescriptorsForTheConnectionsAreWarnedOf(t *testing.T) {
	unbounded := []Upstream{{Servers: []UpstreamServer{{MaxInFlight: 10}}}, {Servers: []UpstreamServer{{}}}}
	slots := []Upstream{{Servers: []UpstreamServer{{MaxInFlight: 10}, {MaxInFlight: 20}}}}
	for _, tt := range []struct {
		name        string
		connections int
		upgraded    int
		upstreams   []Upstream
		need        uint64
	}{
		{"a connection, its upstream's, a file", 1000, 0, unbounded, 3000 + otherDescriptors},
		{"upgraded ones", 1000, 100, unbounded, 3200 + otherDescriptors},
		{"no more at the upstreams than there are slots", 1000, 0, slots, 2030 + otherDescriptors},
		{"more slots than connections", 20, 0, slots, 60 + otherDescriptors},
		{"no bound", 0, 100, unbounded, fewDescriptors},
	} {
		cfg := Config{Server: Server{MaxConnections: tt.connections, MaxUpgraded: tt.upgraded}, Upstreams: tt.upstreams}
		if got := DescriptorWarnings(&cfg, tt.need); len(got) > 0 {
			t.Errorf("%s: %v", tt.name, got)
		}
		got := DescriptorWarnings(&cfg, tt.need-1)
		if len(got) != 1 {
			t.Errorf("%s: no warning of too few", tt.name)
		}
		for _, part := range []string{"server.max_connections: ", fmt.Sprint(tt.connections) + " ", fmt.Sprint(tt.need - 1), "LimitNOFILE=" + fmt.Sprint(tt.need), "ulimit -n " + fmt.Sprint(tt.need)} {
			if !strings.Contains(got.Error(), part) {
				t.Errorf("%s: %q is not in: %v", tt.name, part, got)
			}
		}
	}
}
