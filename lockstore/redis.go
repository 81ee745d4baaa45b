package lockstore

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Redis is a store for any number of gates that share one Redis: a gate asks
// for the lease on a session and gives turns from its own line while it has it.
// Make it with NewRedis, and Start it before the first request.
type Redis struct {
	options RedisOptions
	leases  *leases
	wire    *wire

	refused atomic.Pointer[string]

	end    context.CancelFunc // of watch and inbox; nil before Start
	ending sync.WaitGroup
}

// NewRedis returns a store; it does not touch the network.
func NewRedis(o RedisOptions) (*Redis, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Redis{options: o}
	s.leases = newLeases(o.Limits, defaultTiming(o.TTL, o.Timeout), systemClock(), o.Events)
	return s, nil
}

// Start connects and looks at the server. A server that does not fit is an
// error. A Redis that cannot be reached is none: the store then begins without
// it, as NoFallback of each request says, and goes on trying. Close is due after
// an error, too.
func (s *Redis) Start(ctx context.Context) error {
	cluster, err := s.options.isCluster(ctx)
	if err != nil {
		return err
	}
	s.wire = newWire(s.options, s.leases.timing, cluster)
	s.leases.transport = s.wire
	found, err := s.wire.inspect(ctx)
	if err == nil {
		err = accessError(s.wire.probe(ctx, Key{}))
	}
	if unfit(err) {
		return err
	}
	if err != nil {
		s.leases.beginAway(err)
	}
	s.report(found)
	var running context.Context
	running, s.end = context.WithCancel(context.Background())
	subscribed := make(chan struct{})
	in := &inbox{wire: s.wire, leases: s.leases, subscribed: sync.OnceFunc(func() { close(subscribed) })}
	s.ending.Go(func() { in.run(running) })
	s.ending.Go(func() { s.watch(running, in) })
	if err == nil {
		awaitFirst(ctx, subscribed, s.options.Timeout)
	}
	return nil
}

// awaitFirst waits until messages can be heard. Where that takes too long,
// requests that wait are slow, not wrong: they poll.
func awaitFirst(ctx context.Context, subscribed <-chan struct{}, timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-subscribed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Check says whether Acquire would find a place now. It takes nothing, so the
// answer of Acquire may differ a moment later.
func (s *Redis) Check(r Request) error {
	if r.Mode == None {
		return nil
	}
	return s.leases.check(r)
}

// Acquire takes a ticket and waits for its turn. It returns a refusal at once
// where there is no place in this gate's line, ErrBusy too where another gate
// has the session; ErrAway where the request may not run without Redis;
// ErrTimeout when the wait takes too long; ctx's cause when ctx ends first. In
// all cases nothing is held.
func (s *Redis) Acquire(ctx context.Context, r Request) (*Turn, error) {
	return acquire(ctx, s.leases, r)
}

// Waiting is the number of tickets that wait now.
func (s *Redis) Waiting() int { return s.leases.count().waiting }

// Sessions is the number of keys that have a request running or waiting now.
func (s *Redis) Sessions() int { return s.leases.count().sessions }

// Away says that a Redis server cannot be asked now.
func (s *Redis) Away() bool { return s.leases.count().away }

// Refused says why this gate must not work beside the others on this Redis
// (another hashing secret, a server that is too old); "" where nothing is wrong.
func (s *Redis) Refused() string {
	if why := s.refused.Load(); why != nil {
		return *why
	}
	return ""
}

// Close ends every connection and goroutine. Turns must have been released or
// abandoned before; what they told Redis is sent before Close returns, within ctx.
func (s *Redis) Close(ctx context.Context) error {
	if s.wire == nil {
		return nil
	}
	s.leases.leaveLingering()
	err := s.wire.drain(ctx)
	s.leases.close()
	if s.end != nil {
		s.end()
	}
	s.ending.Wait()
	if closing := s.wire.close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("lockstore: closing: %w", err)
	}
	return nil
}

// report takes in what inspection has found.
func (s *Redis) report(f findings) {
	before := s.refused.Swap(&f.refusal)
	changed := before == nil && f.refusal != "" || before != nil && *before != f.refusal
	if changed && s.options.Events.Refused != nil {
		s.options.Events.Refused(f.refusal)
	}
	if f.notice != "" && s.options.Events.Notice != nil {
		s.options.Events.Notice(f.notice)
	}
}
