package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/test/fault/faultproxy"
)

// roundTrips counts what a request asks of Redis: the messages that a client
// waits for, and the commands of requests one by one and of a burst.
func roundTrips(ctx context.Context, s *stand) ([]figure, error) {
	redis, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	awaited, err := s.awaitedRoundTrips(ctx, redis)
	if err != nil {
		return nil, err
	}
	single, err := s.singleCommands(ctx, redis)
	if err != nil {
		return nil, err
	}
	crowded, err := s.burstCommands(ctx, redis)
	return append(awaited, single, crowded), err
}

// awaitedRoundTrips measures through a proxy that makes each message take so
// long that nothing else matters: how often a round trip of a PING fits into
// the time is how many round trips are waited for.
func (s *stand) awaitedRoundTrips(ctx context.Context, server *redisServer) ([]figure, error) {
	const n, each = 20, 5 * time.Millisecond
	p, err := faultproxy.New(server.Address())
	if err != nil {
		return nil, err
	}
	defer p.Close()
	p.Delay(each)
	slow := server.ClientOptions()
	slow.Addr = p.Address()
	client := redis.NewClient(slow)
	defer client.Close()
	store, err := startStore(ctx, p.Address())
	if err != nil {
		return nil, err
	}
	var pings, acquires, releases []time.Duration
	for i := range n {
		began := time.Now()
		err := client.Ping(ctx).Err()
		pinged := time.Now()
		turn, failed := store.Acquire(ctx, lockstore.Request{Key: numbered(i), NoFallback: true})
		if err = errors.Join(err, failed); err != nil {
			return nil, errors.Join(err, store.Close(ctx))
		}
		acquired := time.Now()
		turn.Release()
		pings = append(pings, pinged.Sub(began))
		acquires, releases = append(acquires, acquired.Sub(pinged)), append(releases, time.Since(acquired))
	}
	ping, acquire, release := median(pings), median(acquires), median(releases)
	with := fmt.Sprintf("one store, %d sessions one after another, %s each way", n, each)
	return []figure{
		timed("round trips: awaited by acquire and release, uncontended", ratio(acquire+release, ping), s.plan.roundTripBound, millis(acquire+release, ping), with),
	}, store.Close(ctx)
}

// singleCommands counts the commands of requests that nobody contends with.
func (s *stand) singleCommands(ctx context.Context, redis *redisServer) (figure, error) {
	const n = 200
	store, err := startStore(ctx, redis.Address())
	if err != nil {
		return figure{}, err
	}
	m, err := redis.monitor(ctx)
	if err != nil {
		return figure{}, errors.Join(err, store.Close(ctx))
	}
	for i := range n {
		turn, err := store.Acquire(ctx, lockstore.Request{Key: numbered(i), NoFallback: true})
		if err != nil {
			return figure{}, errors.Join(err, store.Close(ctx))
		}
		turn.Release()
	}
	err = store.Close(ctx) // the last releases are on their way
	asked, failed := m.commands(ctx)
	s.progress("%d uncontended requests: %v", n, asked)
	return timed("round trips: commands a request, uncontended", float64(sum(asked))/n, 2.1, fmt.Sprintf("%d of %d requests", sum(asked), n),
		"one store; every command that it sends, by MONITOR"), errors.Join(err, failed)
}

// burstCommands counts those of a burst on one session in one gate.
func (s *stand) burstCommands(ctx context.Context, redis *redisServer) (figure, error) {
	const n = 1000
	l, err := s.startLedger(ctx)
	if err != nil {
		return figure{}, err
	}
	config := gateConfig{redis: redis.Address(), redisTimeout: s.plan.redisTimeout, lock: "max_waiting: 0, max_waiting_per_client: 0", upstream: httpUpstream(l.address)}
	g, err := s.startGate(ctx, config)
	if err != nil {
		return figure{}, err
	}
	clients, err := dialEach(ctx, g.address, n)
	if err != nil {
		return figure{}, err
	}
	defer closeEach(clients)
	m, err := redis.monitor(ctx)
	if err != nil {
		return figure{}, err
	}
	failed := make([]error, n)
	session := newSession()
	var all sync.WaitGroup
	for i, c := range clients {
		request := get("/?until=burst", session) // until all of them are there
		all.Go(func() { _, failed[i] = c.do(request) })
	}
	err = until(ctx, func() bool {
		in, err := g.inFlight(ctx)
		return err == nil && in == n
	})
	l.open("burst")
	all.Wait()
	if err = errors.Join(err, errors.Join(failed...)); err != nil {
		return figure{}, err
	}
	asked, err := m.commands(ctx)
	s.progress("%d at once on one session: %v", n, asked)
	return held("round trips: commands of a burst on one session in one gate", float64(sum(asked)), 19, fmt.Sprintf("%d requests at once, renewals included", n),
		config.said()+"; every command that reaches Redis, by MONITOR"), err
}

func startStore(ctx context.Context, address string) (*lockstore.Redis, error) {
	store, err := lockstore.NewRedis(lockstore.RedisOptions{Addresses: []string{address}, Prefix: "roundtrips:", Timeout: 2 * time.Second})
	if err != nil {
		return nil, err
	}
	return store, store.Start(ctx)
}

// numbered is a key of its own for each number.
func numbered(i int) lockstore.Key {
	var k lockstore.Key
	binary.BigEndian.PutUint64(k[:], uint64(i)+1)
	return k
}
