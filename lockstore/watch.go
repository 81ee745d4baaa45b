package lockstore

import (
	"context"
	"errors"
	"time"
)

// settle asks what kind of servers there are until one says so. It returns nil
// where ctx has ended.
func (s *Redis) settle(ctx context.Context) *wire {
	for ctx.Err() == nil {
		if w := s.way.wire(); w != nil {
			return w
		}
		pause(ctx, jitter(tryEvery))
		if err := s.reach(ctx); err != nil && !time.Now().Before(s.looking) && ctx.Err() == nil {
			s.look(ctx)
		}
	}
	return nil
}

// watch looks after the subscription and the servers: it pings, tries those
// that are away, and has them inspected when something has changed.
func (s *Redis) watch(ctx context.Context, w *wire, in *inbox) {
	every := pingEvery
	var failing, wasAway bool
	for ctx.Err() == nil {
		pause(ctx, jitter(every))
		sent, away := time.Now(), s.Away()
		err := in.ping(ctx)
		if err != nil && ctx.Err() == nil && !away {
			w.report(err)
			if !w.cluster { // there it says nothing of the server of a key
				s.leases.failed(Key{}, sent, err)
			}
		}
		if s.tryAway(ctx, w) || err != nil && !failing || s.Away() && !wasAway || in.refused.Swap(false) && s.Refused() == nil {
			s.nudge()
		}
		failing, wasAway = err != nil, s.Away()
		every = pingEvery
		if failing || wasAway {
			every = tryEvery
		}
	}
}

// nudge has the servers inspected soon.
func (s *Redis) nudge() {
	select {
	case s.nudged <- struct{}{}:
	default: // it will be
	}
}

// inspectFurther inspects the servers now and then, and when nudged. It is slow
// where they are, and no ping waits for it.
func (s *Redis) inspectFurther(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(min(time.Until(s.looking), s.untilCompared()))
		select {
		case <-timer.C:
			if time.Now().Before(s.looking) {
				s.compare(ctx)
				continue
			}
		case <-s.nudged:
		case <-ctx.Done():
		}
		timer.Stop()
		s.look(ctx)
		pause(ctx, time.Second)
	}
}

// untilCompared is how long this gate's fingerprint need not be said again.
func (s *Redis) untilCompared() time.Duration {
	switch {
	case s.options.Fingerprint == "" || s.trouble != "":
		return inspectEvery
	case errors.Is(s.Refused(), ErrFingerprint):
		return jitter(disputeEvery)
	case s.Refused() != nil:
		return inspectEvery
	}
	return jitter(compareEvery)
}

// compare looks only at what other gates say.
func (s *Redis) compare(ctx context.Context) {
	refusal, err := s.way.wire().compareFingerprint(ctx)
	if err == nil {
		s.report(findings{refusal: refusal})
	}
}

const (
	tryEvery     = 250 * time.Millisecond // a server that is away
	inspectEvery = time.Minute
	troubleEvery = 10 * time.Second // while something is wrong
)

// tryAway reports true where a server is back.
func (s *Redis) tryAway(ctx context.Context, w *wire) (back bool) {
	for gone, key := range s.leases.awayServers() {
		if w.probe(ctx, key) == nil {
			s.leases.back(gone)
			back = true
		}
	}
	return back
}

// look inspects the servers and tells what is wrong with them. What will not
// pass is likely the gate's own mistake where it has never worked; where it has,
// it may be all gates', and is no more than Redis being away.
func (s *Redis) look(ctx context.Context) {
	found, err := s.inspect(ctx)
	if ctx.Err() != nil {
		return
	}
	lasting := false
	if err != nil {
		lasting, err = s.options.explain(ctx, err)
	}
	s.looking = time.Now().Add(troubleEvery)
	switch {
	case lasting && !s.worked:
		s.report(findings{refusal: err})
	case err != nil:
		s.troubled(err)
	default:
		s.report(found)
		s.looking = time.Now().Add(jitter(inspectEvery))
		s.way.wire().sweep()
		s.leases.sweep()
	}
}
