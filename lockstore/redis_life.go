package lockstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// The phases of a store's life.
const (
	fresh    = iota
	starting // a Start is under way
	started
	closed
)

// ErrNotStarted says that a store was asked before Start.
var ErrNotStarted = errors.New("lockstore: the store has not been started")

// ErrStarted says that Start was called again: once is enough.
var ErrStarted = errors.New("lockstore: the store has been started before")

// unusable says why nothing can be acquired now.
func (s *Redis) unusable() error {
	switch s.phase.Load() {
	case started:
		return nil
	case closed:
		return ErrClosed
	}
	return ErrNotStarted
}

// Start connects and looks at the servers. Servers that do not fit, and will not
// without somebody's doing, are an error that says which and why ([ServerError]);
// then it may be tried again, and Close is due all the same. A Redis that cannot
// be reached is none: the store then begins without it, as NoFallback of each
// request says, and goes on trying.
//
// A store is started once: further calls are ErrStarted, also beside one that is
// under way. After Close, or where that comes meanwhile, it is ErrClosed.
func (s *Redis) Start(ctx context.Context) error {
	if !s.crew.enter("starting") {
		return ErrClosed
	}
	defer s.crew.leave("starting")
	if !s.phase.CompareAndSwap(fresh, starting) {
		if s.phase.Load() == closed {
			return ErrClosed
		}
		return ErrStarted
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unhook := context.AfterFunc(s.running, func() { cancel(ErrClosed) })
	defer unhook()
	reached, err := s.lookFirst(ctx)
	if err != nil {
		if !s.phase.CompareAndSwap(starting, fresh) {
			return ErrClosed
		}
		return err
	}
	subscribed := make(chan struct{})
	s.crew.run("looking after the servers", func() { s.run(s.running, sync.OnceFunc(func() { close(subscribed) })) })
	if !s.phase.CompareAndSwap(starting, started) {
		return ErrClosed
	}
	if reached {
		awaitFirst(ctx, subscribed, s.options.Timeout)
	}
	return nil
}

// lookFirst looks at the servers for the first time. What lasts is an error;
// where they cannot be reached the store begins without them.
func (s *Redis) lookFirst(ctx context.Context) (reached bool, err error) {
	found, err := s.inspect(ctx)
	if err == nil {
		s.report(found)
		s.looking = time.Now().Add(inspectEvery)
		return true, nil
	}
	lasting, err := s.options.explain(ctx, err)
	if lasting {
		return false, err
	}
	s.leases.beginAway(err)
	s.trouble = err.Error()
	s.looking = time.Now().Add(troubleEvery)
	return false, nil
}

// run is what goes on beside the calls, until ctx ends.
func (s *Redis) run(ctx context.Context, subscribed func()) {
	w := s.settle(ctx)
	if w == nil {
		return
	}
	in := &inbox{wire: w, leases: s.leases, subscribed: subscribed}
	s.crew.run("listening", func() { in.run(ctx) })
	s.crew.run("inspecting the servers", func() { s.inspectFurther(ctx) })
	if f := newFollower(w); f != nil {
		s.crew.run("following the Sentinels", func() { f.run(ctx) })
	}
	s.watch(ctx, w, in)
}

// reach makes the wire, once it is known of what kind the servers are.
func (s *Redis) reach(ctx context.Context) error {
	if s.way.wire() != nil {
		return nil
	}
	cluster, err := s.options.isCluster(ctx)
	if err != nil {
		return err
	}
	w := newWire(s.options, s.leases.timing, cluster)
	s.way.settled.Store(w)
	if s.running.Err() != nil {
		_ = w.close(ctx) // Close may not have seen it
	}
	return nil
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

// Close ends every connection and goroutine. Turns must have been released or
// abandoned before; what they told Redis is sent before Close returns, and who
// waits for one has ErrClosed. All that is within ctx: the error says what could
// not be sent, and what has not ended and will when the call to Redis that it is
// in has.
//
// A store that was never started is closed as well. To close it again waits for
// what the last time has left, and is nil where nothing is.
func (s *Redis) Close(ctx context.Context) error {
	var err error
	if s.phase.Swap(closed) != closed {
		err = s.sayAll(ctx)
		s.leases.close()
		s.crew.seal()
		s.end()
	}
	if s.running.Err() == nil { // another Close is at it
		select {
		case <-s.running.Done():
		case <-ctx.Done():
			return fmt.Errorf("lockstore: closing: turns are still given back: %w", context.Cause(ctx))
		}
	}
	err = errors.Join(err, s.crew.wait(ctx))
	if w := s.way.wire(); w != nil {
		err = errors.Join(err, w.close(ctx))
	}
	if err != nil {
		return fmt.Errorf("lockstore: closing: %w", err)
	}
	return nil
}

// sayAll tells Redis what has ended.
func (s *Redis) sayAll(ctx context.Context) error {
	s.leases.leaveLingering()
	w := s.way.wire()
	if w == nil {
		return nil
	}
	err := w.drain(ctx)
	if !s.Away() {
		_ = w.leave(ctx) // or it is forgotten in time
	}
	return err
}
