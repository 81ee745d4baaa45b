package limiter

import (
	"context"
	"slices"
	"time"
)

// Take asks limits about one request and charges them, each at most once; it says
// whether the request may pass. Where one refuses, Refusal finds it, and none is
// charged. Limits of this process are asked first, so that Redis is not asked
// about what they refuse; what was not asked has no Decision.
//
// A limit is asked in what its own set was made with, whichever set does it: the
// limiters of another set may be among the asks.
//
// Take waits for nothing but Redis: for RedisOptions.Timeout at most, and once
// more where something has to be given back there. Where the limits are counted in
// several, it waits for each after the other.
func (*Set) Take(ctx context.Context, now time.Time, asks []Ask) bool {
	pending := 0
	for i := range asks {
		a := &asks[i]
		a.Decision, a.asked = Decision{}, true
		switch l := a.Limiter; {
		case l.shared == nil:
			a.Decision = l.take(a.Key, now)
		default:
			if a.Decision, a.asked = l.takeUnasked(a.Key, now); !a.asked {
				pending++
			}
		}
	}
	if Refusal(asks) == nil && pending > 0 {
		takeShared(ctx, now, asks, pending)
	}
	if Refusal(asks) == nil {
		return true
	}
	giveBack(ctx, now, asks)
	return false
}

// takeShared asks Redis for what is pending, and judges here what it does not
// answer.
func takeShared(ctx context.Context, now time.Time, asks []Ask, pending int) {
	asked := make([]*Ask, 0, pending)
	calls := make([]*call, 0, pending)
	for i := range asks {
		a := &asks[i]
		if !a.asked {
			asked = append(asked, a)
			calls = append(calls, &call{on: a.Limiter.shared.redis, key: a.Limiter.shared.bucket(a.Key), args: a.Limiter.shared.charge})
		}
	}
	runAll(ctx, calls)
	for i, a := range asked {
		a.asked = true
		if calls[i].err != nil {
			a.Decision = a.Limiter.takeStandIn(a.Key, now)
			continue
		}
		a.Decision = a.Limiter.shared.decision(calls[i].debt)
		a.Limiter.state.debtors.note(a.Key, a.Decision, now)
	}
}

// giveBack gives the limits back what they were charged. What Redis cannot be
// told stays charged.
func giveBack(ctx context.Context, now time.Time, asks []Ask) {
	var calls []*call
	for i := range asks {
		a := &asks[i]
		if !a.asked || !a.Decision.Allowed {
			continue
		}
		l := a.Limiter
		if l.shared != nil && !a.Decision.StandIn && !a.Decision.ByNetwork {
			l.state.debtors.forgive(a.Key)
			calls = append(calls, &call{on: l.shared.redis, key: l.shared.bucket(a.Key), args: l.shared.giveBack})
		} else {
			l.state.buckets.giveBack(a.Key, a.Decision.ByNetwork, now)
		}
		a.Decision.Remaining++
		a.Decision.Reset = max(a.Decision.Reset-l.limit.Interval(), 0)
	}
	if calls != nil {
		runAll(ctx, calls)
	}
}

// runAll makes the calls, each where it is to be made.
func runAll(ctx context.Context, calls []*call) {
	for len(calls) > 0 {
		on := calls[0].on
		if !slices.ContainsFunc(calls, func(c *call) bool { return c.on != on }) { // as nearly always
			on.run(ctx, calls)
			return
		}
		var here, rest []*call
		for _, c := range calls {
			if c.on == on {
				here = append(here, c)
			} else {
				rest = append(rest, c)
			}
		}
		on.run(ctx, here)
		calls = rest
	}
}
