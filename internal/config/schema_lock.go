package config

import "time"

// Lock says how the requests of one session are put in order.
type Lock struct {
	Store               Store          `mapstructure:"store"`                               // who grants leases; default memory
	Mode                LockMode       `mapstructure:"mode" reload:"yes"`                   // default exclusive
	Busy                Busy           `mapstructure:"busy" reload:"yes"`                   // when somebody of the session is there; default queue
	Enforce             bool           `mapstructure:"enforce" reload:"yes"`                // default true; false: count only, hold nobody up
	MaxWaiting          int            `mapstructure:"max_waiting" reload:"yes"`            // requests of one session; the next gets 429; default 64
	MaxWaitingPerClient int            `mapstructure:"max_waiting_per_client" reload:"yes"` // default 128
	MaxWaitingTotal     int            `mapstructure:"max_waiting_total" reload:"yes"`      // default 20000
	WaitTimeout         time.Duration  `mapstructure:"wait_timeout" reload:"yes"`           // for the turn and a slot together; default 20s
	OnWaitTimeout       OnWaitTimeout  `mapstructure:"on_wait_timeout" reload:"yes"`        // default reject
	OnClientGone        OnClientGone   `mapstructure:"on_client_gone" reload:"yes"`         // when it leaves before its request has begun to run; default drop
	OnIDChange          OnIDChange     `mapstructure:"on_id_change" reload:"yes"`           // when the session gets another id (a log-in) while its requests wait; default forward
	MaxHold             time.Duration  `mapstructure:"max_hold" reload:"yes"`               // of one turn; default 120s
	TTL                 time.Duration  `mapstructure:"ttl"`                                 // of a lease, which the memory store has not; default 10s; never 0; with Redis at least 3s
	ReleaseOn           ReleaseOn      `mapstructure:"release_on" reload:"yes"`             // default end
	ReleaseDelay        time.Duration  `mapstructure:"release_delay" reload:"yes"`          // the turn is kept so much longer; default 0s: not longer
	MaxLoopbackDepth    int            `mapstructure:"max_loopback_depth" reload:"yes"`     // requests that the application sends to its own site, one in another; 508 beyond; default 3
	OnStoreFailure      OnStoreFailure `mapstructure:"on_store_failure" reload:"yes"`       // when Redis is away; default local
	OnLeaseLost         OnLeaseLost    `mapstructure:"on_lease_lost" reload:"yes"`          // default continue
}

// Redis is the store shared by several gates.
type Redis struct {
	Mode                 RedisMode     `mapstructure:"mode"`                   // default auto
	Addresses            []string      `mapstructure:"addresses"`              // host:port or unix:/path; default 127.0.0.1:6379
	MasterName           string        `mapstructure:"master_name"`            // for sentinel; default ""
	Username             string        `mapstructure:"username"`               // default "": the default user
	Password             Secret        `mapstructure:"password"`               // from the environment only
	PasswordFile         string        `mapstructure:"password_file"`          // default "": no password
	SentinelUsername     string        `mapstructure:"sentinel_username"`      // of the Sentinels; default "": the default user
	SentinelPassword     Secret        `mapstructure:"sentinel_password"`      // from the environment only
	SentinelPasswordFile string        `mapstructure:"sentinel_password_file"` // default "": the Sentinels ask for none
	DB                   int           `mapstructure:"db"`                     // number of the database; default 0, which is the first
	TLS                  RedisTLS      `mapstructure:"tls"`
	KeyPrefix            string        `mapstructure:"key_prefix"` // default "sg:"
	Timeout              time.Duration `mapstructure:"timeout"`    // of one command; default 250ms; never 0
	PoolSize             int           `mapstructure:"pool_size"`  // connections for acquiring, and as many for releasing and renewing; default 4; at least 1
}

// RedisTLS is the connection's encryption.
type RedisTLS struct {
	Enabled  bool   `mapstructure:"enabled"`   // default false
	CAFile   string `mapstructure:"ca_file"`   // PEM; default "": the system's authorities
	CertFile string `mapstructure:"cert_file"` // PEM, the gate's own; default "": none
	KeyFile  string `mapstructure:"key_file"`  // PEM; default ""
}
