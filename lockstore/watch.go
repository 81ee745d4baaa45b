package lockstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// watch looks after the subscription and the servers: it pings, tries those
// that are away, and compares the fingerprint now and then.
func (s *Redis) watch(ctx context.Context, in *inbox) {
	inspect := time.Now().Add(inspectEvery)
	every := pingEvery
	for ctx.Err() == nil {
		pause(ctx, jitter(every))
		sent, away := time.Now(), s.Away()
		err := in.ping(ctx)
		if err != nil && ctx.Err() == nil && !away {
			s.wire.report(err)
			if !s.wire.cluster { // there it says nothing of the server of a key
				s.leases.failed(Key{}, sent, err)
			}
		}
		if s.tryAway(ctx) || time.Now().After(inspect) {
			if found, err := s.wire.inspect(ctx); err == nil || unfit(err) {
				s.report(found)
				inspect = time.Now().Add(inspectEvery)
			}
		}
		every = pingEvery
		if err != nil || s.Away() {
			every = tryEvery
		}
	}
}

const (
	tryEvery     = 250 * time.Millisecond // a server that is away
	inspectEvery = time.Minute
)

// tryAway reports true where a server is back.
func (s *Redis) tryAway(ctx context.Context) (back bool) {
	for gone, key := range s.leases.awayServers() {
		if s.wire.probe(ctx, key) == nil {
			s.leases.back(gone)
			back = true
		}
	}
	return back
}

// findings is what inspection says of the server.
type findings struct {
	refusal string // why this gate must not work with it
	notice  string // what is doubtful
}

// inspect looks at the server's version and settings, and leaves the
// fingerprint there.
func (w *wire) inspect(ctx context.Context) (findings, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*w.options.Timeout)
	defer cancel()
	about, err := w.side.Info(ctx, "server").Result()
	switch {
	case err == nil:
		if err := w.checkVersion(about); err != nil {
			return findings{refusal: err.Error()}, err
		}
	case unfit(accessError(err)):
		err = accessError(err)
		return findings{refusal: err.Error()}, err
	case failureKind(err) != failServer:
		return findings{}, err
	} // another error reply: a server that does not say what it is
	refusal, err := w.compareFingerprint(ctx)
	if err == nil {
		err = w.side.Publish(ctx, w.channel(), "ping").Err()
	}
	if err = accessError(err); unfit(err) {
		return findings{refusal: err.Error()}, err
	} else if err != nil {
		return findings{}, err
	}
	return findings{refusal: refusal, notice: w.eviction(ctx)}, nil
}

// checkVersion: scripts may write after asking for the time since Redis 5, and
// cluster pub/sub from scripts is dependable since 7.
func (w *wire) checkVersion(about string) error {
	version := infoField(about, "redis_version")
	least := [2]int{6, 2}
	if w.cluster {
		least = [2]int{7, 0}
	} else if infoField(about, "redis_mode") == "cluster" {
		return fmt.Errorf("%w: it is part of a cluster, and the store is not set up for one", ErrServerKind)
	}
	var found [2]int
	for i, part := range strings.SplitN(version, ".", 3) {
		if i < len(found) {
			found[i], _ = strconv.Atoi(part) // what is no number is 0, and too old
		}
	}
	if found[0] > least[0] || found[0] == least[0] && found[1] >= least[1] {
		return nil
	}
	return fmt.Errorf("%w: it is %s, at least %d.%d is needed", ErrServerTooOld, version, least[0], least[1])
}

// Errors of a server that no patience helps with.
var (
	// ErrServerTooOld: the server does not know what the protocol needs.
	ErrServerTooOld = errors.New("the Redis server is too old")
	// ErrServerKind: the server is a Sentinel, or part of a cluster, unexpectedly.
	ErrServerKind = errors.New("the Redis server is of another kind")
	// ErrServerAccess: the server does not let the gate in, or not do its work.
	ErrServerAccess = errors.New("the Redis server refuses access")
)

// unfit says that an error will not pass by itself.
func unfit(err error) bool {
	return errors.Is(err, ErrServerTooOld) || errors.Is(err, ErrServerKind) || errors.Is(err, ErrServerAccess)
}

// accessError names an error reply that is about who the gate is.
func accessError(err error) error {
	if err == nil {
		return nil
	}
	for _, words := range []string{"NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "invalid password", "can't run this command", "can't access"} {
		if strings.Contains(err.Error(), words) {
			return fmt.Errorf("%w: %w", ErrServerAccess, err)
		}
	}
	return err
}

// compareFingerprint leaves this gate's fingerprint where there is none. It
// lasts as long as some gate keeps refreshing it.
func (w *wire) compareFingerprint(ctx context.Context) (refusal string, err error) {
	if w.options.Fingerprint == "" {
		return "", nil
	}
	key := w.options.Prefix + "fingerprint"
	found, err := w.side.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		if err := w.side.SetArgs(ctx, key, w.options.Fingerprint, redis.SetArgs{Mode: "NX", TTL: fingerprintTTL}).Err(); err != nil && !errors.Is(err, redis.Nil) {
			return "", err
		}
		found, err = w.side.Get(ctx, key).Result()
	}
	if err != nil {
		return "", err
	}
	if found != w.options.Fingerprint {
		return "the session ids of another gate on this Redis are hashed with another secret: both would lock past each other", nil
	}
	return "", w.side.Expire(ctx, key, fingerprintTTL).Err()
}

const fingerprintTTL = 5 * time.Minute

// eviction says what is wrong with a server that may throw leases away. A server
// that does not let gates look is left alone.
func (w *wire) eviction(ctx context.Context) string {
	if w.cluster {
		return "" // CONFIG would ask one server of many
	}
	settings, err := w.side.ConfigGet(ctx, "maxmemory*").Result()
	if err != nil {
		return ""
	}
	policy := settings["maxmemory-policy"]
	if policy == "" || policy == "noeviction" || settings["maxmemory"] == "0" {
		return ""
	}
	return "Redis may evict leases when its memory is full: maxmemory-policy is " + policy + ", noeviction keeps them"
}
