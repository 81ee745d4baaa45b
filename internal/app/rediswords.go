package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/lockstore"
)

// redisWords says what is wrong with Redis in the words of the configuration:
// at which address, which key it concerns, and what would be right.
type redisWords struct{ config config.Redis }

// of is a line for the log, readiness, or the end of a start.
func (w redisWords) of(err error) string {
	if errors.Is(err, lockstore.ErrFingerprint) {
		return w.otherSecret(err)
	}
	if all, ok := errors.AsType[lockstore.ServerErrors](err); ok {
		return w.several(all)
	}
	if one, ok := errors.AsType[*lockstore.ServerError](err); ok {
		return w.several(lockstore.ServerErrors{one})
	}
	return err.Error()
}

// error keeps what the words were made of.
func (w redisWords) error(err error) error { return saidError{text: "redis: " + w.of(err), err: err} }

// saidError is an error in other words.
type saidError struct {
	text string
	err  error
}

func (e saidError) Error() string { return e.text }
func (e saidError) Unwrap() error { return e.err }

func (w redisWords) otherSecret(err error) string {
	return err.Error() + "; give this gate the session.key_file (or SESSIONGATE_SESSION_KEY) of the others and start it again," +
		" or redis.key_prefix of its own where it serves other sites"
}

// several says once what is wrong with several servers in the same way.
func (w redisWords) several(all lockstore.ServerErrors) string {
	type group struct {
		places []string
		first  *lockstore.ServerError
	}
	var groups []*group
	for _, e := range all {
		i := slices.IndexFunc(groups, func(g *group) bool { return g.first.Fault == e.Fault && g.first.Named == "" && e.Named == "" })
		if i < 0 {
			groups = append(groups, &group{first: e})
			i = len(groups) - 1
		}
		groups[i].places = append(groups[i].places, w.place(e))
	}
	var texts []string
	for _, g := range groups {
		texts = append(texts, strings.Join(g.places, ", ")+": "+w.one(g.first))
	}
	return strings.Join(texts, "; ")
}

// place is the address and where it comes from.
func (w redisWords) place(e *lockstore.ServerError) string {
	switch {
	case e.Named != "":
		return fmt.Sprintf("%s (the master %q, as Sentinel %s says)", e.Address, w.config.MasterName, e.Named)
	case e.Address == "" && e.Asked == string(lockstore.RedisCluster):
		return "a server of the cluster (redis.addresses)"
	case e.Address == "":
		return fmt.Sprintf("the master that Sentinel calls %q (redis.master_name)", w.config.MasterName)
	}
	if i := slices.Index(w.config.Addresses, e.Address); i >= 0 {
		return fmt.Sprintf("%s (redis.addresses[%d])", e.Address, i)
	}
	return e.Address
}

// one says what is wrong and what would be right.
func (w redisWords) one(e *lockstore.ServerError) string {
	switch e.Fault {
	case lockstore.FaultUnreachable, lockstore.FaultSilent, lockstore.FaultNotReady, lockstore.FaultReplica, lockstore.FaultNoWrites:
		return w.passing(e)
	case lockstore.FaultPlain, lockstore.FaultTLS, lockstore.FaultUntrusted, lockstore.FaultHostName, lockstore.FaultHandshake:
		return w.encryption(e)
	case lockstore.FaultPassword, lockstore.FaultRights, lockstore.FaultDatabase:
		return w.access(e)
	case lockstore.FaultTooOld, lockstore.FaultNotRedis, lockstore.FaultSentinel, lockstore.FaultNoSentinel, lockstore.FaultMasterName,
		lockstore.FaultClusterMember, lockstore.FaultNoCluster:
	}
	return w.kind(e)
}

func (w redisWords) passing(e *lockstore.ServerError) string {
	switch e.Fault {
	case lockstore.FaultSilent:
		return fmt.Sprintf("takes the connection and does not answer (%v); if that lasts, is it Redis?", e.Err)
	case lockstore.FaultNotReady:
		return fmt.Sprintf("is not ready (%v)", e.Err)
	case lockstore.FaultNoWrites:
		return fmt.Sprintf("takes no writes (%v)", e.Err)
	case lockstore.FaultReplica:
		return fmt.Sprintf("takes no writes: %v; if that lasts, name the primary in redis.addresses, or its Sentinels and redis.master_name", e.Err)
	}
	if e.Named != "" {
		return fmt.Sprintf("cannot be reached from here (%v); Sentinel must say an address that gates can connect to (replica-announce-ip, sentinel announce-ip)", e.Err)
	}
	return fmt.Sprintf("cannot be reached (%v)", e.Err)
}

func (w redisWords) encryption(e *lockstore.ServerError) string {
	switch e.Fault {
	case lockstore.FaultPlain:
		return fmt.Sprintf("speaks no TLS (%v), and redis.tls.enabled is true; name the server's tls-port in redis.addresses, or set redis.tls.enabled: false", e.Err)
	case lockstore.FaultTLS:
		return "speaks TLS, and redis.tls.enabled is false; set it to true, or name a port without TLS in redis.addresses"
	case lockstore.FaultHostName:
		return fmt.Sprintf("shows a certificate for another name (%v); write the name that is in the certificate in redis.addresses, or give the server one for this name", e.Err)
	case lockstore.FaultHandshake:
		return fmt.Sprintf("refuses the gate's TLS (%v); where it asks for certificates (tls-auth-clients) set redis.tls.cert_file and redis.tls.key_file to one that it trusts", e.Err)
	}
	if w.config.TLS.CAFile == "" {
		return fmt.Sprintf("shows a certificate that is not trusted (%v); redis.tls.ca_file names the authority where it is not one of the system's", e.Err)
	}
	return fmt.Sprintf("shows a certificate that is not trusted (%v); redis.tls.ca_file (%s) must hold the authority that signed it", e.Err, w.config.TLS.CAFile)
}

func (w redisWords) access(e *lockstore.ServerError) string {
	user, password := "redis.username", "redis.password_file"
	if e.Asked == string(lockstore.RedisSentinel) {
		user, password = "redis.sentinel_username", "redis.sentinel_password_file"
	}
	switch {
	case e.Fault == lockstore.FaultDatabase && e.Asked == string(lockstore.RedisCluster):
		return fmt.Sprintf("a cluster has no database but 0, and redis.db is %d; set it to 0", w.config.DB)
	case e.Fault == lockstore.FaultDatabase:
		return fmt.Sprintf("has no database %d (%v); set redis.db below the server's databases", w.config.DB, e.Err)
	case e.Fault == lockstore.FaultRights:
		return fmt.Sprintf("does not let the user of %s do what a gate does (%v); docs/operations.md has the ACL rule, and redis.key_prefix must be in it%s", user, e.Err, w.selecting())
	}
	return fmt.Sprintf("does not let the gate in (%v); see %s and %s", e.Err, user, password)
}

func (w redisWords) kind(e *lockstore.ServerError) string {
	switch e.Fault {
	case lockstore.FaultTooOld:
		return fmt.Sprintf("%v: %v", lockstore.ErrServerTooOld, e.Err)
	case lockstore.FaultSentinel:
		return "is a Sentinel; set redis.mode: sentinel and redis.master_name, or name the Redis itself in redis.addresses"
	case lockstore.FaultNoSentinel:
		return fmt.Sprintf("is a Redis and no Sentinel (%v); name the Sentinels in redis.addresses, or leave out redis.master_name and set redis.mode to what it is", e.Err)
	case lockstore.FaultMasterName:
		return fmt.Sprintf("knows no master %q; set redis.master_name to the name in its `sentinel monitor`", w.config.MasterName)
	case lockstore.FaultClusterMember:
		return "is part of a cluster; set redis.mode: cluster, or name a Redis that is none in redis.addresses"
	case lockstore.FaultNoCluster:
		if w.config.Mode == config.RedisAuto {
			return "is part of no cluster, which several redis.addresses stand for; name one server only, or the Sentinels and redis.master_name"
		}
		return "is part of no cluster; set redis.mode: single, or name servers of the cluster in redis.addresses"
	}
	return fmt.Sprintf("is no Redis (%v); name its host and port in redis.addresses", e.Err)
}

// selecting is what the rule needs besides for another database.
func (w redisWords) selecting() string {
	if w.config.DB == 0 {
		return ""
	}
	return fmt.Sprintf("; with redis.db: %d it needs +select", w.config.DB)
}
