package lockstore

import (
	"context"
	"sync/atomic"
	"time"
)

// Redis is a store for any number of gates that share one Redis: a gate asks
// for the lease on a session and gives turns from its own line while it has it.
// Make it with NewRedis, Start it before the first request, and Close it.
type Redis struct {
	options RedisOptions
	leases  *leases
	way     way

	phase   atomic.Int32 // of its life
	running context.Context
	end     context.CancelFunc // of running
	crew    crew

	refused atomic.Pointer[error]
	nudged  chan struct{}

	// Of Start, and of the goroutine that inspects after it.
	looking time.Time // when the servers are inspected next
	trouble string    // what was said last of what is wrong with the servers
	worked  bool      // an inspection has found nothing wrong
}

// NewRedis returns a store; it does not touch the network.
func NewRedis(o RedisOptions) (*Redis, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Redis{options: o, nudged: make(chan struct{}, 1)}
	s.leases = newLeases(o.Limits, defaultTiming(o.TTL, o.Timeout), systemClock(), o.Events)
	s.way.crew = &s.crew
	s.leases.transport = &s.way
	s.running, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Bound sets the bounds on who waits, for those who come from now on.
func (s *Redis) Bound(limits Limits) { s.leases.bound(limits) }

// Check says whether Acquire would find a place now. It takes nothing, so the
// answer of Acquire may differ a moment later.
func (s *Redis) Check(r Request) error {
	if r.Mode == None {
		return nil
	}
	if err := s.unusable(); err != nil {
		return err
	}
	return s.leases.check(r)
}

// Acquire takes a ticket and waits for its turn. It returns a refusal at once
// where there is no place in this gate's line, ErrBusy too where another gate
// has the session; ErrAway where the request may not run without Redis;
// ErrTimeout when the wait takes too long; ctx's cause when ctx ends first. In
// all cases nothing is held. Before Start it returns ErrNotStarted; after Close,
// and to those who wait then, ErrClosed. Mode None is let through at any time.
func (s *Redis) Acquire(ctx context.Context, r Request) (*Turn, error) {
	if r.Mode != None {
		if err := s.unusable(); err != nil {
			return nil, err
		}
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
