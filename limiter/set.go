package limiter

import "fmt"

// Options are the settings of a set.
type Options struct {
	Limits      []Limit
	Concurrency []Concurrency

	// Keys is how many keys each limit knows at once. 0: 100,000. A key takes about
	// 200 bytes while it is known; one of a shared limit, whose debt is in Redis and
	// may be here while that is away, up to twice that, and about 150 in Redis.
	Keys int

	Redis  *Redis // of limits of ScopeShared; nil: there are none
	Events Events
}

const defaultKeys = 100000

// Set has the limits and caps of one configuration.
type Set struct {
	limiters map[string]*Limiter
	caps     map[string]*Cap
}

// New makes a set in which nobody has done anything yet.
func New(o Options) (*Set, error) { return (&Set{}).Next(o) }

// Next makes the set of another configuration. What the two have in common goes
// on where it was, also while both are used: requests that began with this set
// should end with it. Redis may be another: each set's limits ask the one that the
// set was made with, which must not be closed while the set is used. Where there is
// an error this set stays as it was.
func (s *Set) Next(o Options) (*Set, error) {
	if o.Keys <= 0 {
		o.Keys = defaultKeys
	}
	next := &Set{limiters: make(map[string]*Limiter), caps: make(map[string]*Cap)}
	for _, l := range o.Limits {
		if err := l.complete(); err != nil {
			return nil, err
		}
		if next.limiters[l.Name] != nil {
			return nil, fmt.Errorf("%w %q: there are two of this name", ErrLimit, l.Name)
		}
		if l.Scope == ScopeShared && o.Redis == nil {
			return nil, fmt.Errorf("%w %q: it is shared, and there is no Redis", ErrLimit, l.Name)
		}
		next.limiters[l.Name] = s.limiter(l, o)
	}
	for _, c := range o.Concurrency {
		if err := c.complete(); err != nil {
			return nil, err
		}
		if next.caps[c.Name] != nil {
			return nil, fmt.Errorf("%w %q: there are two of this name", ErrConcurrency, c.Name)
		}
		next.caps[c.Name] = s.cap(c)
	}
	for _, l := range next.limiters {
		l.state.resize(o.Keys)
	}
	return next, nil
}

// limiter keeps a limit as this set has done, or anew.
func (s *Set) limiter(limit Limit, o Options) *Limiter {
	l := &Limiter{limit: limit, events: o.Events}
	if limit.Scope == ScopeShared {
		l.shared = newShared(limit, o.Redis)
	}
	if before := s.limiters[limit.Name]; before != nil && same(before.limit, limit) {
		l.state = before.state
	} else {
		l.state = newState(limit, o.Keys)
	}
	return l
}

// cap keeps a cap with what is in flight in this set.
func (s *Set) cap(c Concurrency) *Cap {
	if before := s.caps[c.Name]; before != nil && before.concurrency.Key == c.Key {
		return &Cap{concurrency: c, counts: before.counts}
	}
	return &Cap{concurrency: c, counts: newCounts()}
}

// Limiter is the limiter of a name; nil where there is none.
func (s *Set) Limiter(name string) *Limiter { return s.limiters[name] }

// Cap is the cap of a name; nil where there is none.
func (s *Set) Cap(name string) *Cap { return s.caps[name] }
