package proxy

import (
	"sync/atomic"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/limiter"
)

// Policies are the rules of a gate and the limits that these name. Both can be
// swapped, together, while the gate runs: a request keeps those with which it
// began. Make them with NewPolicies.
type Policies struct{ now atomic.Pointer[policies] }

// policies are those of one configuration.
type policies struct {
	rules  *rules.Set
	limits *limiter.Set
	apply  []applying // by the policy's Number
	shadow bool       // some of them are not enforced
}

// applying is what limits the requests of one policy.
type applying struct {
	limiters []*limiter.Limiter
	caps     []*limiter.Cap
	rule     limiter.Key // of all its requests
}

// NewPolicies puts rules and limits together. What the rules name and limits has
// not is left out; limits may be nil where they name nothing.
func NewPolicies(set *rules.Set, limits *limiter.Set) *Policies {
	p := &Policies{}
	p.Swap(set, limits)
	return p
}

// Swap has the requests from now on decided by others.
func (p *Policies) Swap(set *rules.Set, limits *limiter.Set) {
	if limits == nil {
		limits = &limiter.Set{}
	}
	next := &policies{rules: set, limits: limits}
	for _, policy := range set.Policies() {
		next.apply = append(next.apply, appliesTo(policy, limits))
		next.shadow = next.shadow || policy.Shadow
	}
	p.now.Store(next)
}

func appliesTo(policy *rules.Policy, limits *limiter.Set) applying {
	a := applying{rule: limiter.TextKey(policy.Rule)}
	for _, name := range policy.Limits {
		if l := limits.Limiter(name); l != nil {
			a.limiters = append(a.limiters, l)
		}
	}
	for _, name := range policy.Concurrency {
		if c := limits.Cap(name); c != nil {
			a.caps = append(a.caps, c)
		}
	}
	return a
}
