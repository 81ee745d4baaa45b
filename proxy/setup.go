package proxy

import (
	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/limiter"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/page"
)

// Setup is what a gate goes by and can be told anew while it runs: Gate.Use. A
// request keeps the setup with which it began, so nothing of a setup is changed
// once it is in use.
type Setup struct {
	Rules     *rules.Set
	Upstreams []*Upstream        // at least one; the first serves where no rule names another
	Limits    *limiter.Set       // those that the rules name; what it has not does not limit. nil: none
	Clients   *clientip.Resolver // finds out who the client is
	Page      *page.Page         // what people see of refusals
	Settings
}

// setup is a Setup, made ready.
type setup struct {
	Setup
	apply     []applying // by the policy's Number
	shadow    bool       // some policies are not enforced
	upstreams map[string]*Upstream
	pathInfo  bool // some upstream is a tree of scripts

	indexScripts []string // each once, the first upstream's first
	deciding     users    // the gate, and requests that have not chosen an upstream yet
	counting     users    // those deciding as one, requests that have chosen, and the gate for one setup longer
}

// applying is what limits the requests of one policy.
type applying struct {
	limiters []*limiter.Limiter
	caps     []*limiter.Cap
	rule     limiter.Key // of all its requests
}

// newSetup makes a setup ready to come after another; nil: it is the first.
func newSetup(s Setup, before *setup) *setup {
	if s.Limits == nil {
		s.Limits = &limiter.Set{}
	}
	next := &setup{Setup: s, upstreams: make(map[string]*Upstream, len(s.Upstreams)), indexScripts: indexScripts(s.Upstreams)}
	next.deciding.begin(next.end)
	for _, u := range s.Upstreams {
		u.users.begin(u.Ended)
		u.keepPace(before)
		next.upstreams[u.Name] = u
		next.pathInfo = next.pathInfo || u.Scripts
	}
	for _, policy := range s.Rules.Policies() {
		next.apply = append(next.apply, appliesTo(policy, s.Limits))
		next.shadow = next.shadow || policy.Shadow
	}
	return next
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

// Use has the requests that begin from now on go by another setup. Bounds on what
// is under way hold at once, for those that come: nobody is turned out. The bounds
// of Locks are its owner's to change. Counters of rules and limits that are gone
// stay for one setup more, so that they are seen, and for as long as a request may
// count there. It is called by one goroutine at a time.
func (g *Gate) Use(s Setup) {
	before := g.setup.Load()
	next := newSetup(s, before)
	for _, u := range s.Upstreams {
		g.Metrics.expect(u)
	}
	g.countBy(next)
	g.uploads.bound(s.MaxUploading, s.MaxUploadingPerClient)
	g.upgraded.bound(s.MaxUpgraded, s.MaxUpgradedPerClient)
	g.streams.limit.Store(int64(s.MaxStreams))
	g.shadows.bound(s.MaxWaitingPerClient, s.MaxWaitingTotal)
	g.nested.Bound(lockstore.Limits{Total: s.MaxWaitingTotal})
	g.setup.Store(next)
	if before != nil {
		before.deciding.leave()
	}
	if g.before != nil {
		g.before.counting.leave()
	}
	g.before = before
}

// countBy has the counters of a setup's names there until nobody counts by it any
// more.
func (g *Gate) countBy(s *setup) {
	names := namesOf(s)
	g.Metrics.keepNames(names)
	g.Metrics.expectLimits(s)
	s.counting.begin(func() { g.Metrics.dropNames(names) })
	s.counting.enter() // for those who decide: end leaves
}

// enter finds the setup that a request goes by. It keeps all upstreams, until the
// request has chosen one, or calls deciding.leave.
func (g *Gate) enter() *setup {
	for {
		if s := g.setup.Load(); s.deciding.enter() {
			return s
		}
	}
}

// end lets the upstreams go: nobody chooses one of them any more.
func (s *setup) end() {
	for _, u := range s.Upstreams {
		u.users.leave()
	}
	s.counting.leave()
}

// TrustsPeer says whether a peer's word on who its client is counts now, by its
// address as in http.Request.RemoteAddr.
func (g *Gate) TrustsPeer(remoteAddr string) bool {
	return g.setup.Load().Clients.TrustsPeer(remoteAddr)
}
