package config

import (
	"fmt"
	"strings"
)

// ClientWarnings finds a socket on which nobody is believed to say who the client
// is: whoever comes through it is then one client.
func ClientWarnings(cfg *Config) Errors {
	network, _ := SplitAddress(cfg.Server.Listen)
	bounds := cfg.boundsByClient()
	if network != "unix" || len(cfg.Server.TrustedProxies) > 0 || len(bounds) == 0 {
		return nil
	}
	return Errors{&Error{Path: "server.listen", Message: fmt.Sprintf(
		"clients have no address on a socket, and without server.trusted_proxies nobody is believed to say one: all of them are one client to %s; name the proxy in front in server.trusted_proxies (any entry will do, such as 127.0.0.1/32)",
		strings.Join(bounds, ", "))}}
}

// boundsByClient are the keys by which one client has less than all.
func (cfg *Config) boundsByClient() (keys []string) {
	add := func(key string, bounds bool) {
		if bounds {
			keys = append(keys, key)
		}
	}
	add("server.max_uploading_per_client", cfg.Server.MaxUploadingPerClient > 0)
	add("server.max_upgraded_per_client", cfg.Server.MaxUpgradedPerClient > 0)
	add("spool.max_memory_per_client", cfg.Spool.MaxMemoryPerClient > 0)
	add("spool.max_disk_per_client", cfg.Spool.MaxDiskPerClient > 0)
	add("lock.max_waiting_per_client", cfg.Lock.MaxWaitingPerClient > 0)
	for i, u := range cfg.Upstreams {
		add(joinKey(joinIndex("upstreams", i), "max_in_flight_per_client"), u.MaxInFlightPerClient > 0)
	}
	for i, l := range cfg.Limits {
		add(joinIndex("limits", i), l.Key == KeyClient && l.Rate > 0)
	}
	for i, one := range cfg.Concurrency {
		add(joinIndex("concurrency", i), one.Key == KeyClient && one.Max > 0)
	}
	for i := range cfg.Rules {
		for n, l := range cfg.Rules[i].Limits {
			add(joinIndex(joinKey(joinIndex("rules", i), "limits"), n), l.Key == KeyClient && l.Rate > 0)
		}
	}
	return keys
}
