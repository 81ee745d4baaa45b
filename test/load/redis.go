package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redisserver"
)

// redisServer is a redis-server of our own, beside a client that asks it what
// it has done.
type redisServer struct {
	*redisserver.Server
	client *redis.Client
}

// startRedis runs a redis-server that keeps nothing on disk.
func (s *stand) startRedis(ctx context.Context) (*redisServer, error) {
	dir, err := os.MkdirTemp(s.dir, "redis-")
	if err != nil {
		return nil, err
	}
	server, err := redisserver.Start(ctx, redisserver.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	r := &redisServer{Server: server, client: redis.NewClient(server.ClientOptions())}
	s.atEnd(func() { _ = errors.Join(r.client.Close(), r.Close()) }) // what it leaves goes with the scratch folder
	return r, nil
}

// lockedSessions has PHP keep its sessions here, with phpredis's own lock.
func (r *redisServer) lockedSessions() map[string]string {
	return map[string]string{
		"session.save_handler":          "redis",
		"session.save_path":             "tcp://" + r.Address(),
		"redis.session.locking_enabled": "1",
		// As long as anybody waits: a page that gives up looks fast.
		"redis.session.lock_retries": "-1",
	}
}

// queued is how many gates wait for the turn of the one session whose key has
// the prefix. What Redis knows of a session is in lockstore/turn.lua.
func (r *redisServer) queued(ctx context.Context, prefix string) (int, error) {
	sessions, err := r.client.Keys(ctx, prefix+"{*").Result()
	if err != nil || len(sessions) != 1 {
		return 0, err
	}
	state, err := r.client.Get(ctx, sessions[0]).Result()
	return strings.Count(state, ","), err
}

// calls is how often each command has run. What scripts call counts as well.
type calls map[string]int

func (r *redisServer) calls(ctx context.Context) (calls, error) {
	info, err := r.client.Info(ctx, "commandstats").Result()
	if err != nil {
		return nil, err
	}
	counted := calls{}
	for line := range strings.Lines(info) { // cmdstat_evalsha:calls=12,usec=…
		name, rest, _ := strings.Cut(line, ":calls=")
		number, _, _ := strings.Cut(rest, ",")
		if n, err := strconv.Atoi(number); err == nil {
			counted[strings.TrimPrefix(name, "cmdstat_")] = n
		}
	}
	return counted, nil
}
