package config

import "fmt"

// fewDescriptors are too few where max_connections sets no bound: even a small
// site's crowd has that many connections, with what belongs to them.
const fewDescriptors = 4096

// otherDescriptors are those of listeners, the log, Redis and files that are read.
const otherDescriptors = 200

// Descriptors are the file descriptors that a gate may need at once: one for a
// client's connection, one for the upstream's and one for a spooled file of each,
// and two for each upgraded connection.
func (cfg *Config) Descriptors() int {
	s := &cfg.Server
	if s.MaxConnections == 0 {
		return fewDescriptors
	}
	return s.MaxConnections + min(s.MaxConnections, cfg.upstreamConnections()) + s.MaxConnections + 2*s.MaxUpgraded + otherDescriptors
}

// upstreamConnections is how many requests the slots let through at once.
func (cfg *Config) upstreamConnections() int {
	sum := 0
	for i := range cfg.Upstreams {
		slots, all := cfg.Upstreams[i].slots()
		if !all {
			return cfg.Server.MaxConnections
		}
		sum += slots
	}
	return sum
}

// DescriptorWarnings compares that with what the process may have. Only the
// process itself knows: a service has another limit than the shell in which its
// configuration is checked.
func DescriptorWarnings(cfg *Config, limit uint64) Errors {
	need := cfg.Descriptors()
	if limit >= uint64(need) {
		return nil
	}
	const remedy = "LimitNOFILE=%d in the unit of systemd, ulimit -n %d in a shell, --ulimit nofile=%d with Docker"
	message := fmt.Sprintf("%d connections, with the upstream's and a spooled file of each, may need %d file descriptors, and this process may have %d: then further clients are not accepted, and servers not reached; "+
		"set "+remedy+", or a lower bound", cfg.Server.MaxConnections, need, limit, need, need, need)
	if cfg.Server.MaxConnections == 0 {
		message = fmt.Sprintf("0 is no bound, and this process may have %d file descriptors, three for a client: then further clients are not accepted, and servers not reached; "+
			"set "+remedy+" or more, and a bound of a third of that", limit, need, need, need)
	}
	return Errors{&Error{Path: "server.max_connections", Message: message}}
}
