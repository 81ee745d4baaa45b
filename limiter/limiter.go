package limiter

import (
	"sync/atomic"
	"time"
)

// Limiter keeps one limit. It is made by New and safe for concurrent use.
type Limiter struct {
	limit  Limit
	state  *state
	shared *shared // nil: local
	events Events
}

// state is what goes on when a configuration is reloaded.
type state struct {
	buckets *local   // where a shared limit is judged while Redis is away
	debtors *debtors // of a shared limit

	byNetwork, standIn atomic.Uint64

	crowdedAt    atomic.Int64 // when Crowded was called last, Unix nanoseconds
	crowdedUntil atomic.Uint64
}

func newState(l Limit, keys int) *state {
	return &state{buckets: newLocal(l, keys), debtors: newDebtors(l, keys)}
}

func (s *state) resize(keys int) {
	s.buckets.resize(keys)
	s.debtors.resize(keys)
}

// Limit is what was said of it.
func (l *Limiter) Limit() Limit { return l.limit }

// Stats is a look at a limit from outside.
type Stats struct {
	Keys      int    // that take memory now
	Networks  int    // that were judged for keys without room, and take memory now
	ByNetwork uint64 // decisions on networks in place of keys, since the limit is there
	StandIn   uint64 // decisions on a shared limit without Redis, since then
}

// Stats returns the numbers of now.
func (l *Limiter) Stats() Stats {
	s := Stats{ByNetwork: l.state.byNetwork.Load(), StandIn: l.state.standIn.Load()}
	s.Keys, s.Networks = l.state.buckets.known()
	s.Keys = max(s.Keys, l.state.debtors.known())
	return s
}

// take judges in this process.
func (l *Limiter) take(k Key, now time.Time) Decision {
	d := l.state.buckets.take(k, now)
	if d.ByNetwork {
		l.crowded(now)
	}
	return d
}

// takeUnasked judges what Redis is not to be asked about; false: it is.
func (l *Limiter) takeUnasked(k Key, now time.Time) (Decision, bool) {
	d, standing := l.state.debtors.enter(k, now)
	if standing == unknown {
		d = l.state.buckets.takeNetwork(k, now)
		l.crowded(now)
	}
	return d, standing != unjudged
}

// takeStandIn judges in place of Redis.
func (l *Limiter) takeStandIn(k Key, now time.Time) Decision {
	l.state.standIn.Add(1)
	d := l.take(k, now)
	d.StandIn = true
	return d
}

// crowdedEvery is how often a flood is reported.
const crowdedEvery = 10 * time.Second

// crowded counts a decision on a network, and reports now and then.
func (l *Limiter) crowded(now time.Time) {
	s := l.state
	s.byNetwork.Add(1)
	last := s.crowdedAt.Load()
	if l.events.Crowded == nil || last != 0 && now.UnixNano()-last < int64(crowdedEvery) {
		return
	}
	if s.crowdedAt.CompareAndSwap(last, now.UnixNano()) {
		total := s.byNetwork.Load()
		l.events.Crowded(l.limit.Name, total-s.crowdedUntil.Swap(total))
	}
}
