package config

import (
	"net/netip"
	"reflect"
	"time"
)

// DefaultRejectStatus is the answer of a rule with action: reject that says
// no status.
const DefaultRejectStatus = 403

// Defaults returns what holds where nothing is written: every session is
// serialised and nobody is rate-limited.
func Defaults() *Config {
	upstream := defaultUpstream()
	upstream.Name = "php"
	upstream.Servers = []UpstreamServer{{Address: "127.0.0.1:9000"}}
	return &Config{
		Server:      defaultServer(),
		Spool:       defaultSpool(),
		Admin:       Admin{Listen: "127.0.0.1:9180"},
		Log:         Log{Level: LevelInfo, Format: FormatJSON, Access: true, SlowWait: 500 * time.Millisecond, SlowHold: 5 * time.Second},
		Session:     Session{Cookie: "PHPSESSID"},
		Lock:        defaultLock(),
		Redis:       defaultRedis(),
		Upstreams:   []Upstream{upstream},
		Rules:       []Rule{},
		Limits:      []Limit{},
		LimitKeys:   100000,
		Concurrency: []Concurrency{},
	}
}

func defaultServer() Server {
	return Server{
		Listen:                ":8080",
		TrustedProxies:        []netip.Prefix{},
		LoopbackFrom:          []netip.Prefix{},
		MaxConnections:        25000, // above lock.max_waiting_total: who comes after those that wait is told so
		ReadHeaderTimeout:     10 * time.Second,
		BodyIdleTimeout:       30 * time.Second,
		MinBodyRate:           Rate(KiB),
		WriteIdleTimeout:      60 * time.Second,
		IdleTimeout:           120 * time.Second,
		MaxHeaderSize:         64 * KiB,
		MaxBodySize:           64 * MiB,
		MaxUploading:          1000,
		MaxUploadingPerClient: 20,
		MaxUpgraded:           10000,
		MaxUpgradedPerClient:  100,
		UpgradedIdleTimeout:   5 * time.Minute,
		DrainDelay:            5 * time.Second,
		DrainTimeout:          30 * time.Second,
	}
}

func defaultSpool() Spool {
	return Spool{
		BodyMemory:     64 * KiB,
		ResponseMemory: 256 * KiB,
		MaxMemory:      512 * MiB,
		MaxDisk:        10 * GiB,
		MaxResponse:    1 * GiB,

		MaxMemoryPerClient: 64 * MiB,
		MaxDiskPerClient:   1 * GiB,
	}
}

func defaultLock() Lock {
	return Lock{
		Store:               StoreMemory,
		Mode:                ModeExclusive,
		Busy:                BusyQueue,
		Enforce:             true,
		MaxWaiting:          64,
		MaxWaitingPerClient: 128,
		MaxWaitingTotal:     20000,
		WaitTimeout:         20 * time.Second,
		OnWaitTimeout:       TimeoutReject,
		OnClientGone:        ClientGoneDrop,
		OnIDChange:          IDChangeForward,
		MaxHold:             120 * time.Second,
		TTL:                 10 * time.Second,
		ReleaseOn:           ReleaseOnEnd,
		MaxLoopbackDepth:    3,
		OnStoreFailure:      StoreFailureLocal,
		OnLeaseLost:         LeaseLostContinue,
	}
}

func defaultRedis() Redis {
	return Redis{
		Mode:      RedisAuto,
		Addresses: []string{"127.0.0.1:6379"},
		KeyPrefix: "sg:",
		Timeout:   250 * time.Millisecond,
		PoolSize:  4,
	}
}

// defaultUpstream is what an entry of upstreams starts from. It has neither
// name nor servers: an entry that says only `script: try` would otherwise
// send its requests to an address that nobody wrote.
func defaultUpstream() Upstream {
	return Upstream{
		Protocol:         ProtocolFastCGI,
		Balance:          BalanceLeastInFlight,
		LoopbackReserve:  1,
		Queue:            Queue{Max: 1000},
		ConnectTimeout:   2 * time.Second,
		ResponseTimeout:  60 * time.Second,
		AbandonedTimeout: 10 * time.Minute,
		Root:             "/var/www/html",
		Script:           ScriptFront,
		IndexScript:      "/index.php",
		Params:           []Param{},
		Health:           Health{Interval: 5 * time.Second, Timeout: 2 * time.Second, Fall: 3, Rise: 2},
	}
}

// entryDefaults is what an entry of a list starts from, by its type. Types
// that are not here start from their zero value.
var entryDefaults = map[reflect.Type]func() any{
	reflect.TypeFor[Upstream]():    func() any { return defaultUpstream() },
	reflect.TypeFor[Limit]():       func() any { return Limit{Key: KeyClient, Burst: 1, Scope: ScopeLocal, Enforce: true} },
	reflect.TypeFor[Concurrency](): func() any { return Concurrency{Key: KeyClient, Enforce: true} },
	reflect.TypeFor[NameValue]():   func() any { return NameValue{Value: "*"} },
}
