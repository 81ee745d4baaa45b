package config

import "strings"

// redis says what the gates share, and what happens without it.
func (d *description) redis(cfg *Config) {
	if cfg.Lock.Store != StoreRedis {
		return
	}
	d.line("Shares leases through %s; they last %s where a gate dies.", cfg.Redis.inWords(), formatDuration(cfg.Lock.TTL))
	d.line("While Redis is away %s.", map[OnStoreFailure]string{
		StoreFailureLocal:  "each gate puts its own requests in order (on_store_failure: local)",
		StoreFailureClosed: "requests with a session are refused with 503 (on_store_failure: closed)",
		StoreFailureOpen:   "requests run without a turn (on_store_failure: open)",
	}[cfg.Lock.OnStoreFailure])
	d.line("A request whose lease is lost %s.", map[OnLeaseLost]string{
		LeaseLostContinue: "carries on (on_lease_lost: continue)",
		LeaseLostAbort:    "is cut off (on_lease_lost: abort)",
	}[cfg.Lock.OnLeaseLost])
}

// HasSentinels says that the addresses are those of Sentinels.
func (r Redis) HasSentinels() bool {
	return r.Mode == RedisSentinel || r.Mode == RedisAuto && r.MasterName != ""
}

// inWords says which Redis is meant.
func (r Redis) inWords() string {
	at := strings.Join(r.Addresses, ", ")
	var where string
	switch {
	case r.HasSentinels():
		where = "the Redis that Sentinel calls " + r.MasterName + " (Sentinels: " + at + only(r.SentinelUsername != "", ", as "+r.SentinelUsername) + ")"
	case r.Mode == RedisCluster:
		where = "the Redis cluster of " + at
	default:
		where = "Redis at " + at
	}
	return where + only(r.TLS.Enabled, " with TLS") + only(r.Username != "", " as "+r.Username) +
		only(r.DB > 0, ", database "+formatScalar(r.DB)) + ", keys " + r.KeyPrefix + "*"
}
