package config

import (
	"fmt"
	"strings"
	"time"
)

// leastRedisTTL leaves a lease time for what its ttl must hold: the second in
// which a gate confirms a lease that it was granted, a renewal after a third,
// and a margin for slow answers.
const leastRedisTTL = 3 * time.Second

func validateRedis(cfg *Config, r *report) {
	validateRedisAddresses(r, cfg.Redis)
	validateRedisMode(r, cfg.Redis)
	validateSentinelAccess(r, cfg.Redis)
	validateRedisTLS(r, cfg.Redis)
	validateRedisTimes(r, cfg)
	if cfg.Redis.Password != "" && cfg.Redis.PasswordFile != "" {
		r.refuse("redis.password", nil, "is set, and so is redis.password_file; keep one of them")
	}
	validateKeyPrefix(r, cfg.Redis.KeyPrefix)
}

func validateRedisAddresses(r *report, redis Redis) {
	if len(redis.Addresses) == 0 {
		r.refuse("redis.addresses", nil, "is empty, want at least one address")
	}
	first := map[string]string{}
	for i, address := range redis.Addresses {
		path := joinIndex("redis.addresses", i)
		if err := checkDial(address); err != nil {
			r.refuse(path, nil, "%s", err)
			continue
		}
		if other, ok := first[address]; ok {
			r.refuse(path, nil, "%s is %s too; an address counts once", quote(address), other)
			continue
		}
		first[address] = path
		if network, _ := SplitAddress(address); network == "unix" && redis.TLS.Enabled {
			r.refuse(path, []string{"redis.tls.enabled"}, "%s is a socket, and Redis speaks no TLS on sockets; write host:port, or redis.tls.enabled: false", quote(address))
		}
	}
}

func validateRedisMode(r *report, redis Redis) {
	mode := []string{"redis.mode"}
	switch {
	case redis.Mode == RedisSentinel && redis.MasterName == "":
		r.refuse("redis.master_name", mode, "is missing: with redis.mode: sentinel the addresses are those of Sentinels, which are asked for a master by its name")
	case redis.MasterName != "" && (redis.Mode == RedisSingle || redis.Mode == RedisCluster):
		r.refuse("redis.master_name", mode, "does nothing with redis.mode: %s; it is for sentinel", redis.Mode)
	}
	if redis.Mode == RedisSingle && len(redis.Addresses) > 1 {
		r.refuse("redis.addresses", mode, "has %d entries, and redis.mode: single is one server", len(redis.Addresses))
	}
	if redis.Mode == RedisCluster && redis.DB > 0 {
		r.refuse("redis.db", mode, "found %d, want 0: a cluster has no other database", redis.DB)
	}
	if redis.Mode == RedisAuto && redis.MasterName == "" && len(redis.Addresses) > 1 && redis.DB > 0 {
		r.refuse("redis.db", []string{"redis.addresses"}, "found %d, want 0: several redis.addresses are a cluster's, which has no other database; Sentinels need redis.master_name", redis.DB)
	}
}

// validateSentinelAccess: only Sentinels are logged in to in this way.
func validateSentinelAccess(r *report, redis Redis) {
	if redis.SentinelPassword != "" && redis.SentinelPasswordFile != "" {
		r.refuse("redis.sentinel_password", nil, "is set, and so is redis.sentinel_password_file; keep one of them")
	}
	for _, said := range []struct {
		key   string
		there bool
	}{
		{"sentinel_username", redis.SentinelUsername != ""},
		{"sentinel_password", redis.SentinelPassword != ""},
		{"sentinel_password_file", redis.SentinelPasswordFile != ""},
	} {
		if said.there && !redis.HasSentinels() {
			r.refuse(joinKey("redis", said.key), []string{"redis.mode", "redis.master_name"}, "does nothing without Sentinels; with them redis.master_name is set, and redis.mode is sentinel or auto")
		}
	}
	if redis.SentinelUsername != "" && redis.SentinelPassword == "" && redis.SentinelPasswordFile == "" {
		r.refuse("redis.sentinel_username", []string{"redis.sentinel_password_file"}, "does nothing without redis.sentinel_password_file: nobody is logged in without a password")
	}
}

func validateRedisTLS(r *report, redis Redis) {
	tls := redis.TLS
	pairOfFiles(r, "redis.tls", tls.CertFile, tls.KeyFile)
	if tls.Enabled {
		return
	}
	for _, file := range []struct{ key, value string }{{"ca_file", tls.CAFile}, {"cert_file", tls.CertFile}, {"key_file", tls.KeyFile}} {
		if file.value != "" {
			r.refuse(joinKey("redis.tls", file.key), []string{"redis.tls.enabled"}, "does nothing without redis.tls.enabled: true")
		}
	}
}

// validateRedisTimes compares the lease with what has to fit into it. Without
// Redis there are no leases.
func validateRedisTimes(r *report, cfg *Config) {
	ttl := cfg.Lock.TTL
	if cfg.Lock.Store != StoreRedis || ttl < leasts["lock.ttl"].least.(time.Duration) {
		return
	}
	store := []string{"lock.store"}
	if ttl < leastRedisTTL {
		r.refuse("lock.ttl", store, "found %s, want at least %s with lock.store: redis: a gate has 1s to confirm a lease, renews it after a third of its ttl, and needs time for slow answers",
			formatDuration(ttl), formatDuration(leastRedisTTL))
		return
	}
	if cfg.Redis.Timeout >= ttl/4 {
		r.refuse("redis.timeout", []string{"lock.ttl", "lock.store"}, "%s is not below a quarter of lock.ttl (%s): a renewal that times out must leave time for another one",
			formatDuration(cfg.Redis.Timeout), formatDuration(ttl))
	}
}

// validateKeyPrefix: in a cluster the braces around the session in a key say
// where it is kept; others before them would count instead.
func validateKeyPrefix(r *report, prefix string) {
	if err := checkKeyPrefix(prefix); err != nil {
		r.refuse("redis.key_prefix", nil, "%s", err)
	}
}

func checkKeyPrefix(prefix string) error {
	switch {
	case prefix == "":
		return fmt.Errorf("is empty, want what every key of the gates begins with, as in %s", quote("sg:"))
	case strings.ContainsAny(prefix, "{}"):
		return fmt.Errorf("found %s, want a prefix without braces: a cluster places keys by what stands in braces, and that is the session", quote(prefix))
	case strings.ContainsAny(prefix, " *?[]\\"):
		return fmt.Errorf("found %s, want a prefix without spaces and without *?[]\\, so that ACL rules can name it", quote(prefix))
	}
	return nil
}
