package lockstore

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisMode says what kind of Redis the addresses are of.
type RedisMode string

const (
	RedisAuto     RedisMode = "auto" // sentinel where there is a MasterName, cluster where there are several addresses or the server says so, else single
	RedisSingle   RedisMode = "single"
	RedisSentinel RedisMode = "sentinel"
	RedisCluster  RedisMode = "cluster"
)

// RedisOptions are the settings of a Redis store. Addresses and Prefix must be
// said.
type RedisOptions struct {
	Limits Limits

	Mode       RedisMode
	Addresses  []string // host:port or unix:/path
	MasterName string   // of Sentinel
	Username   string
	Password   string
	// What the Sentinels ask for; "": nothing.
	SentinelUsername string
	SentinelPassword string
	DB               int
	TLS              *tls.Config // nil: none
	Prefix           string      // of every key and channel

	Timeout  time.Duration // of one command; 0: 250ms
	PoolSize int           // connections for acquiring, and as many for releasing and renewing; 0: 4
	TTL      time.Duration // of a lease; 0: 10s

	// Fingerprint tells gates with another hashing secret: gates with different
	// fingerprints on one Redis would lock past each other. "" is not compared.
	Fingerprint string

	Events Events
}

// complete fills in what was not said and refuses what cannot be.
func (o *RedisOptions) complete() error {
	if o.Mode == "" {
		o.Mode = RedisAuto
	}
	if o.Timeout <= 0 {
		o.Timeout = 250 * time.Millisecond
	}
	if o.PoolSize <= 0 {
		o.PoolSize = 4
	}
	if o.TTL <= 0 {
		o.TTL = 10 * time.Second
	}
	switch {
	case len(o.Addresses) == 0:
		return errors.New("lockstore: no address of a Redis server")
	case o.Prefix == "":
		return errors.New("lockstore: no prefix for keys")
	case strings.ContainsAny(o.Prefix, "{}"):
		return errors.New("lockstore: a prefix without braces is needed: a cluster places keys by what stands in them, and that is the session")
	case o.Mode == RedisSentinel && o.MasterName == "":
		return errors.New("lockstore: Sentinel needs the name of the master")
	}
	if o.Mode == RedisAuto && o.MasterName != "" {
		o.Mode = RedisSentinel
	}
	if o.Mode == RedisAuto && len(o.Addresses) > 1 {
		o.Mode = RedisCluster
	}
	if o.Mode == RedisCluster && o.DB != 0 {
		return errors.New("lockstore: a cluster has no database but 0")
	}
	return nil
}

// isCluster settles what RedisAuto leaves open, by asking the server. Where that
// cannot be asked nothing is settled.
func (o *RedisOptions) isCluster(ctx context.Context) (bool, error) {
	if o.Mode != RedisAuto {
		return o.Mode == RedisCluster, nil
	}
	asking := *o
	asking.DB = 0 // a cluster has no other
	c := asking.client(1, false)
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	about, err := c.Info(ctx, "server").Result()
	if err == nil && infoField(about, "redis_mode") == "sentinel" {
		return false, &ServerError{Address: o.Addresses[0], Asked: string(RedisSingle), Fault: FaultSentinel, Err: errors.New("it says redis_mode:sentinel")}
	}
	if kind, known := faultOf(err); known {
		return false, &ServerError{Address: o.Addresses[0], Asked: string(RedisSingle), Fault: kind, Err: err}
	}
	if err != nil && failureKind(err) == failServer {
		return false, nil // a server that does not say what it is
	}
	return infoField(about, "redis_mode") == "cluster", err
}

// client makes a client with a pool of its own. The client's own retries are
// off: a call that timed out may still run, and is asked again when that is known.
func (o *RedisOptions) client(connections int, cluster bool) redis.UniversalClient {
	u := &redis.UniversalOptions{
		Addrs:                    o.Addresses,
		MasterName:               o.MasterName,
		DB:                       o.DB,
		Username:                 o.Username,
		Password:                 o.Password,
		SentinelUsername:         o.SentinelUsername,
		SentinelPassword:         o.SentinelPassword,
		Protocol:                 2,
		TLSConfig:                o.TLS,
		MaxRetries:               -1,
		DialerRetries:            1,
		DialTimeout:              o.Timeout,
		ReadTimeout:              o.Timeout,
		WriteTimeout:             o.Timeout,
		ContextTimeoutEnabled:    true,
		PoolSize:                 connections,
		PipelinePoolSize:         -1,
		PoolTimeout:              o.Timeout,
		DisableIdentity:          true,
		IsClusterMode:            cluster,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch {
	case cluster:
		return redis.NewClusterClient(u.Cluster())
	case o.Mode == RedisSentinel:
		f := u.Failover()
		return redis.NewFailoverClient(f)
	}
	single := u.Simple()
	if path, ok := strings.CutPrefix(single.Addr, "unix:"); ok {
		single.Network, single.Addr = "unix", path
	}
	return redis.NewClient(single)
}

// infoField finds a field in an answer to INFO.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
