package config

import (
	"net/netip"
	"testing"
)

func TestASocketOnWhichAllAreOneClientIsWarnedOf(t *testing.T) {
	const begin = "server.listen: clients have no address on a socket, and without server.trusted_proxies nobody is believed to say one: all of them are one client to "
	const end = "; name the proxy in front in server.trusted_proxies (any entry will do, such as 127.0.0.1/32)"
	bounded := Config{
		Server:    Server{MaxUploadingPerClient: 1, MaxUpgradedPerClient: 1},
		Spool:     Spool{MaxMemoryPerClient: 1, MaxDiskPerClient: 1},
		Lock:      Lock{MaxWaitingPerClient: 1},
		Upstreams: []Upstream{{}, {MaxInFlightPerClient: 1}},
		Limits:    []Limit{{Key: KeyAll, Rate: 1}, {Key: KeyClient, Rate: 1}, {Key: KeyClient}},
	}
	ofRules := Config{
		Concurrency: []Concurrency{{Key: KeyClient, Max: 1}, {Key: KeySession, Max: 1}},
		Rules:       []Rule{{}, {Limits: []Limit{{Key: KeyClient, Rate: 1}}}},
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	for _, tt := range []struct {
		name, listen string
		proxies      []netip.Prefix
		cfg          Config
		want         string
	}{
		{"a socket", "unix:/run/gate.sock", nil, bounded, begin + "server.max_uploading_per_client, server.max_upgraded_per_client, spool.max_memory_per_client, spool.max_disk_per_client, " +
			"lock.max_waiting_per_client, upstreams[1].max_in_flight_per_client, limits[1]" + end},
		{"limits of rules", "unix:/run/gate.sock", nil, ofRules, begin + "concurrency[0], rules[1].limits[0]" + end},
		{"a proxy that is believed", "unix:/run/gate.sock", proxies, bounded, ""},
		{"a port", ":8080", nil, bounded, ""},
		{"nothing by client", "unix:/run/gate.sock", nil, Config{}, ""},
	} {
		tt.cfg.Server.Listen, tt.cfg.Server.TrustedProxies = tt.listen, tt.proxies
		if got := ClientWarnings(&tt.cfg).Error(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
