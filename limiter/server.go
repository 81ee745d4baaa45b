package limiter

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// server is what is known of one Redis server. It counts as away when so many
// calls in a row have failed, until it answers a probe.
type server struct {
	failures int
	away     bool
}

const (
	awayAfter    = 3
	probeAfter   = 100 * time.Millisecond
	probeAtLeast = time.Second // how often, in the long run
)

// errAway: the call was not made, for the server counts as away.
var errAway = errors.New("limiter: Redis is away")

func (r *Redis) isAway(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.servers[name]
	return s != nil && s.away
}

// judge draws from a call what it says of its server.
func (r *Redis) judge(name string, c *call) {
	if c.err == nil {
		r.mu.Lock()
		if s := r.servers[name]; s != nil && !s.away {
			delete(r.servers, name)
		}
		r.mu.Unlock()
		return
	}
	if r.options.Failed != nil {
		r.options.Failed(c.err)
	}
	r.relearn()
	if r.failed(name, c.key) && r.options.Away != nil {
		r.options.Away(c.err)
	}
}

// failed takes in a failure; true where the server counts as away from now on.
func (r *Redis) failed(name, key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.servers[name]
	if s == nil {
		s = new(server)
		r.servers[name] = s
	}
	s.failures++
	if r.closed || s.away || s.failures < awayAfter {
		return false
	}
	s.away = true
	r.away++
	r.probes.Go(func() { r.probe(name, key) })
	return true
}

// relearn has a cluster's client ask who has what now. By itself it does so when
// a server sends it on, which one that has died does not.
func (r *Redis) relearn() {
	if cluster, ok := r.options.Client.(*redis.ClusterClient); ok {
		cluster.ReloadState(r.ended)
	}
}

// probe tries to charge a bucket that nobody has, where the key is that could not
// be reached, until that succeeds: be it on another server.
func (r *Redis) probe(name, key string) {
	timer := time.NewTimer(probeAfter)
	defer timer.Stop()
	for pause := probeAfter; ; pause = min(2*pause, probeAtLeast) {
		select {
		case <-timer.C:
		case <-r.ended.Done():
			return
		}
		if r.reaches(key) {
			r.back(name)
			return
		}
		timer.Reset(pause)
	}
}

func (r *Redis) reaches(key string) bool {
	ctx, cancel := context.WithTimeout(r.ended, r.options.Timeout)
	defer cancel()
	r.relearn()
	c := call{key: key + ":probe", args: []any{time.Second.Microseconds(), 1}}
	run(ctx, r.options.Client, []*call{&c})
	return c.err == nil
}

// back lets calls be made to a server again.
func (r *Redis) back(name string) {
	r.mu.Lock()
	delete(r.servers, name)
	r.away--
	all := r.away == 0
	r.mu.Unlock()
	if all && r.options.Away != nil {
		r.options.Away(nil)
	}
}
