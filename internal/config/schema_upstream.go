package config

import "time"

// Upstream is a named pool of servers. What an entry of the list leaves out
// is as in the default upstream; name and servers must be said.
type Upstream struct {
	Name                 string           `mapstructure:"name"`     // stands in rules, logs and metrics; the default list has one, "php"
	Protocol             Protocol         `mapstructure:"protocol"` // default fastcgi
	Servers              []UpstreamServer `mapstructure:"servers"`  // at least one; the default list has 127.0.0.1:9000
	Balance              Balance          `mapstructure:"balance"`  // default least_in_flight
	MaxInFlightPerClient int              `mapstructure:"max_in_flight_per_client"`
	LoopbackReserve      int              `mapstructure:"loopback_reserve"` // slots of each server beyond max_in_flight, for each level of requests that the application sends to its own site; default 1; 0: none
	Queue                Queue            `mapstructure:"queue"`
	ConnectTimeout       time.Duration    `mapstructure:"connect_timeout"`   // default 2s
	ResponseTimeout      time.Duration    `mapstructure:"response_timeout"`  // until the response headers; default 60s
	AbandonedTimeout     time.Duration    `mapstructure:"abandoned_timeout"` // of a request that nobody waits for, until it is cut off; default 10m
	Root                 string           `mapstructure:"root"`              // fastcgi: as PHP sees it; default /var/www/html
	LocalRoot            string           `mapstructure:"local_root"`        // fastcgi: the same folder as the gate sees it; default "": not seen
	Script               Script           `mapstructure:"script"`            // fastcgi: which script runs; default front
	IndexScript          string           `mapstructure:"index_script"`      // URL path of the front script, which rules do not see; default /index.php
	Params               []Param          `mapstructure:"params"`            // fastcgi: more CGI variables; default: none
	Files                bool             `mapstructure:"files"`             // fastcgi: serve files below local_root; default false
	Session              SessionNames     `mapstructure:"session"`           // default: as in session
	Health               Health           `mapstructure:"health"`
}

// UpstreamServer is one address of an upstream.
type UpstreamServer struct {
	Address     string `mapstructure:"address"`       // host:port or unix:/path; must be said
	MaxInFlight int    `mapstructure:"max_in_flight"` // this gate's share of pm.max_children; default 0
}

// Queue bounds the requests that wait for a slot when every server is full.
type Queue struct {
	Max int `mapstructure:"max"` // requests; default 1000
}

// Param is one CGI variable.
type Param struct {
	Name  string `mapstructure:"name"`
	Value string `mapstructure:"value"`
}

// Health says when a server is out and when it is in again. Connections that
// cannot be made count always.
type Health struct {
	Path     string        `mapstructure:"path"`     // requested with GET of every server; default "": only servers that are out are checked, by a connection
	Interval time.Duration `mapstructure:"interval"` // default 5s; never 0
	Timeout  time.Duration `mapstructure:"timeout"`  // default 2s; never 0
	Fall     int           `mapstructure:"fall"`     // failures in a row until a server is out; default 3; at least 1
	Rise     int           `mapstructure:"rise"`     // checks passed in a row until it is in again; default 2; at least 1
}
