package lockstore

import (
	"context"
	"errors"
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
	way     way

	started atomic.Bool
	refused atomic.Pointer[error]

	nudged chan struct{}

	// Of Start, and of the goroutine that inspects after it.
	looking time.Time // when the servers are inspected next
	trouble string    // what was said last of what is wrong with the servers
	worked  bool      // an inspection has found nothing wrong

	end    context.CancelFunc // of watch and inbox; nil before Start
	ending sync.WaitGroup
}

// NewRedis returns a store; it does not touch the network.
func NewRedis(o RedisOptions) (*Redis, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Redis{options: o, nudged: make(chan struct{}, 1)}
	s.leases = newLeases(o.Limits, defaultTiming(o.TTL, o.Timeout), systemClock(), o.Events)
	s.leases.transport = &s.way
	return s, nil
}

// ErrNotStarted says that a store was asked before Start.
var ErrNotStarted = errors.New("lockstore: the store has not been started")

// Start connects and looks at the servers. Servers that do not fit, and will not
// without somebody's doing, are an error that says which and why ([ServerError]).
// A Redis that cannot be reached is none: the store then begins without it, as
// NoFallback of each request says, and goes on trying. Close is due after an
// error, too.
func (s *Redis) Start(ctx context.Context) error {
	found, err := s.inspect(ctx)
	if err != nil {
		var lasting bool
		if lasting, err = s.options.explain(ctx, err); lasting {
			return err
		}
		s.leases.beginAway(err)
		s.trouble = err.Error()
		s.looking = time.Now().Add(troubleEvery)
	} else {
		s.report(found)
		s.looking = time.Now().Add(inspectEvery)
	}
	var running context.Context
	running, s.end = context.WithCancel(context.Background())
	subscribed := make(chan struct{})
	s.ending.Go(func() { s.run(running, sync.OnceFunc(func() { close(subscribed) })) })
	s.started.Store(true)
	if err == nil {
		awaitFirst(ctx, subscribed, s.options.Timeout)
	}
	return nil
}

// Bound sets the bounds on who waits, for those who come from now on.
func (s *Redis) Bound(limits Limits) { s.leases.bound(limits) }

// run is what goes on beside the calls, until ctx ends.
func (s *Redis) run(ctx context.Context, subscribed func()) {
	w := s.settle(ctx)
	if w == nil {
		return
	}
	in := &inbox{wire: w, leases: s.leases, subscribed: subscribed}
	s.ending.Go(func() { in.run(ctx) })
	s.ending.Go(func() { s.inspectFurther(ctx) })
	if f := newFollower(w); f != nil {
		s.ending.Go(func() { f.run(ctx) })
	}
	s.watch(ctx, w, in)
}

// reach makes the wire, once it is known of what kind the servers are.
func (s *Redis) reach(ctx context.Context) error {
	if s.way.wire() != nil {
		return nil
	}
	cluster, err := s.options.isCluster(ctx)
	if err == nil {
		s.way.settled.Store(newWire(s.options, s.leases.timing, cluster))
	}
	return err
}

// inspect looks at the servers.
func (s *Redis) inspect(ctx context.Context) (findings, error) {
	if err := s.reach(ctx); err != nil {
		return findings{}, err
	}
	return s.way.wire().inspect(ctx)
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
	switch {
	case r.Mode == None:
		return nil
	case !s.started.Load():
		return ErrNotStarted
	}
	return s.leases.check(r)
}

// Acquire takes a ticket and waits for its turn. It returns a refusal at once
// where there is no place in this gate's line, ErrBusy too where another gate
// has the session; ErrAway where the request may not run without Redis;
// ErrTimeout when the wait takes too long; ctx's cause when ctx ends first. In
// all cases nothing is held. Before Start it returns ErrNotStarted.
func (s *Redis) Acquire(ctx context.Context, r Request) (*Turn, error) {
	if !s.started.Load() && r.Mode != None {
		return nil, ErrNotStarted
	}
	return acquire(ctx, s.leases, r)
}

// Waiting is the number of tickets that wait now.
func (s *Redis) Waiting() int { return s.leases.count().waiting }

// Sessions is the number of keys that have a request running or waiting now.
func (s *Redis) Sessions() int { return s.leases.count().sessions }

// Away says that a Redis server cannot be asked now.
func (s *Redis) Away() bool { return s.leases.count().away }

// Refused says why this gate must not work beside the others on this Redis
// ([ErrFingerprint]), or, where it never has, cannot and will not without
// somebody's doing ([ServerError]); nil where nothing is wrong.
func (s *Redis) Refused() error {
	if why := s.refused.Load(); why != nil {
		return *why
	}
	return nil
}

// Close ends every connection and goroutine. Turns must have been released or
// abandoned before; what they told Redis is sent before Close returns, within ctx.
func (s *Redis) Close(ctx context.Context) error {
	s.leases.leaveLingering()
	var err error
	if w := s.way.wire(); w != nil {
		err = w.drain(ctx)
		if !s.Away() {
			_ = w.leave(ctx) // or it is forgotten in time
		}
	}
	s.leases.close()
	if s.end != nil {
		s.end()
	}
	s.ending.Wait()
	if w := s.way.wire(); w != nil { // it may have come about meanwhile
		err = errors.Join(err, w.close())
	}
	if err != nil {
		return fmt.Errorf("lockstore: closing: %w", err)
	}
	return nil
}

// report takes in what an inspection has found.
func (s *Redis) report(f findings) {
	before := s.Refused()
	s.refused.Store(&f.refusal)
	s.trouble = ""
	s.worked = s.worked || f.refusal == nil
	changed := text(before) != text(f.refusal)
	if changed && s.options.Events.Refused != nil {
		s.options.Events.Refused(f.refusal)
	}
	if f.notice != "" && s.options.Events.Notice != nil {
		s.options.Events.Notice(f.notice)
	}
}

// troubled tells what is wrong with servers that may come back, when it changes.
// What an inspection has found before holds until the next.
func (s *Redis) troubled(err error) {
	if s.trouble == err.Error() {
		return
	}
	s.trouble = err.Error()
	if s.options.Events.Trouble != nil {
		s.options.Events.Trouble(err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
