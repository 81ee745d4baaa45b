package config

import (
	"net/netip"
	"time"
)

// Config is the whole configuration of one gate. The tree has the shape and
// the names of the file: a field's mapstructure tag is its key. Every value
// is complete once Load has returned: what nobody said stands at its default.
//
// What is marked `reload:"yes"`, with all that is below it, a running gate takes
// over when the file is read again; all else holds from its start.
//
// 0 means no limit for every number, duration and size whose comment does not
// say otherwise.
type Config struct {
	Server      Server        `mapstructure:"server"`
	Spool       Spool         `mapstructure:"spool"`
	Admin       Admin         `mapstructure:"admin"`
	Log         Log           `mapstructure:"log"`
	Refusals    Refusals      `mapstructure:"refusals" reload:"yes"`
	Session     Session       `mapstructure:"session"`
	Lock        Lock          `mapstructure:"lock"`
	Redis       Redis         `mapstructure:"redis"`
	Upstreams   []Upstream    `mapstructure:"upstreams" reload:"yes"`   // at least one; the first is used where no rule names another
	Rules       []Rule        `mapstructure:"rules" reload:"yes"`       // the first that matches decides; default: none
	Limits      []Limit       `mapstructure:"limits" reload:"yes"`      // for every request; default: none
	LimitKeys   int           `mapstructure:"limit_keys" reload:"yes"`  // keys that each limit knows at once; default 100000; at least 1
	Concurrency []Concurrency `mapstructure:"concurrency" reload:"yes"` // requests in the gate by key; default: none
}

// Server is the listener that faces the clients.
type Server struct {
	Listen                string         `mapstructure:"listen"`                                // host:port or unix:/path; default ":8080"; port 0: any free port
	TLS                   ServerTLS      `mapstructure:"tls"`                                   // default: plain HTTP
	ProxyProtocol         bool           `mapstructure:"proxy_protocol"`                        // PROXY v1/v2, from trusted_proxies only; default false
	TrustedProxies        []netip.Prefix `mapstructure:"trusted_proxies" reload:"yes"`          // whose forwarding headers are believed; default: nobody's
	LoopbackFrom          []netip.Prefix `mapstructure:"loopback_from" reload:"yes"`            // backends whose requests run under the turn that their session has; default: none
	ReadyPath             string         `mapstructure:"ready_path"`                            // answers readiness here too; default "": nowhere
	MaxConnections        int            `mapstructure:"max_connections"`                       // idle ones, and those that send no header, give way to further ones, which else wait in the kernel; default 25000
	ReadHeaderTimeout     time.Duration  `mapstructure:"read_header_timeout"`                   // default 10s; of the PROXY header and the TLS handshake, too
	BodyIdleTimeout       time.Duration  `mapstructure:"body_idle_timeout"`                     // no byte of a request body for so long; default 30s
	MinBodyRate           Rate           `mapstructure:"min_body_rate" reload:"yes"`            // bytes per second, averaged, after 30 s; default 1KiB/s
	WriteIdleTimeout      time.Duration  `mapstructure:"write_idle_timeout"`                    // no byte taken by the client, or by either side of an upgraded connection, for so long; default 60s
	IdleTimeout           time.Duration  `mapstructure:"idle_timeout"`                          // between two requests of a connection; default 120s
	MaxHeaderSize         Size           `mapstructure:"max_header_size"`                       // bytes, 431 beyond; default 64KiB; at least 1KiB
	MaxBodySize           Size           `mapstructure:"max_body_size" reload:"yes"`            // bytes, 413 beyond; default 64MiB
	MaxUploading          int            `mapstructure:"max_uploading" reload:"yes"`            // bodies being read now; default 1000
	MaxUploadingPerClient int            `mapstructure:"max_uploading_per_client" reload:"yes"` // default 20
	MaxUpgraded           int            `mapstructure:"max_upgraded" reload:"yes"`             // upgraded connections (WebSocket); default 10000
	MaxUpgradedPerClient  int            `mapstructure:"max_upgraded_per_client" reload:"yes"`  // default 100
	UpgradedIdleTimeout   time.Duration  `mapstructure:"upgraded_idle_timeout" reload:"yes"`    // no byte either way for so long; default 5m
	DrainDelay            time.Duration  `mapstructure:"drain_delay" reload:"yes"`              // not ready, still accepting; default 5s; 0: none
	DrainTimeout          time.Duration  `mapstructure:"drain_timeout" reload:"yes"`            // for running and waiting requests to end; default 30s
}

// ServerTLS is the gate's own certificate. Both files or neither.
type ServerTLS struct {
	CertFile string `mapstructure:"cert_file"` // PEM; default "": plain HTTP
	KeyFile  string `mapstructure:"key_file"`  // PEM; default ""
}

// Spool bounds the buffers for request bodies and responses.
type Spool struct {
	Dir            string `mapstructure:"dir"`                          // for unlinked temporary files; default "": the system's temporary folder
	BodyMemory     Size   `mapstructure:"body_memory" reload:"yes"`     // bytes of one body kept in memory; default 64KiB; 0: all on disk
	ResponseMemory Size   `mapstructure:"response_memory" reload:"yes"` // bytes of one response kept in memory; default 256KiB; 0: all on disk
	MaxMemory      Size   `mapstructure:"max_memory"`                   // bytes, for the process, three quarters of them for responses; default 512MiB
	MaxDisk        Size   `mapstructure:"max_disk"`                     // bytes, for the process, three quarters of them for responses; default 10GiB
	MaxResponse    Size   `mapstructure:"max_response" reload:"yes"`    // bytes of one response held for a slow client; default 1GiB

	// Of the responses of one client, which have at most half of what all responses have.
	MaxMemoryPerClient Size `mapstructure:"max_memory_per_client" reload:"yes"` // bytes; default 64MiB
	MaxDiskPerClient   Size `mapstructure:"max_disk_per_client" reload:"yes"`   // bytes; default 1GiB
}

// Admin is the listener for metrics, health, the API and the UI.
type Admin struct {
	Listen    string `mapstructure:"listen"`                  // host:port or unix:/path; default "127.0.0.1:9180"
	Token     Secret `mapstructure:"token" reload:"yes"`      // bearer token; from the environment only
	TokenFile string `mapstructure:"token_file" reload:"yes"` // file with the bearer token; default "": none, for loopback and sockets only
	PProf     bool   `mapstructure:"pprof" reload:"yes"`      // default false
}

// Log says what is logged, and how.
type Log struct {
	Level    LogLevel      `mapstructure:"level" reload:"yes"`     // default info
	Format   LogFormat     `mapstructure:"format"`                 // default json
	Access   bool          `mapstructure:"access" reload:"yes"`    // one line a request; default true
	SlowWait time.Duration `mapstructure:"slow_wait" reload:"yes"` // a wait worth a warning; default 500ms; 0: never
	SlowHold time.Duration `mapstructure:"slow_hold" reload:"yes"` // a hold worth a warning; default 5s; 0: never
}

// Refusals says how the gate answers what it does not forward.
type Refusals struct {
	PageFile string `mapstructure:"page_file"` // html/template for the people who are refused; default "": the gate's own page
}

// Session says where the session id of the application stands.
type Session struct {
	Cookie  string `mapstructure:"cookie" reload:"yes"` // name of the cookie; default PHPSESSID; "": only the header is read
	Header  string `mapstructure:"header" reload:"yes"` // looked at before the cookie; default "": none
	Key     Secret `mapstructure:"key"`                 // secret for hashing ids; from the environment only
	KeyFile string `mapstructure:"key_file"`            // file with that secret; default "": ids are hashed unkeyed
}

// SessionNames overrides where the session id stands, for an upstream or a
// rule. A nil field says nothing.
type SessionNames struct {
	Cookie *string `mapstructure:"cookie"`
	Header *string `mapstructure:"header"`
}
