package app

import (
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/rules"
)

// compileRules turns the operator's rules into a compiled set over the policy
// of a request that none of them matches.
func compileRules(c *config.Config) (*rules.Set, error) {
	list := make([]rules.Rule, len(c.Rules))
	for i := range c.Rules {
		list[i] = ruleOf(c, &c.Rules[i])
	}
	return rules.Compile(basePolicy(c), list)
}

// basePolicy is what holds where no rule says otherwise.
func basePolicy(c *config.Config) rules.Policy {
	p := rules.Policy{
		Lock:             lockMode(c.Lock.Mode),
		RejectBusy:       c.Lock.Busy == config.BusyReject,
		Status:           403,
		Upstream:         c.Upstreams[0].Name,
		MaxWaiting:       c.Lock.MaxWaiting,
		WaitTimeout:      c.Lock.WaitTimeout,
		ForwardOnTimeout: c.Lock.OnWaitTimeout == config.TimeoutForward,
		Unattended:       c.Lock.OnClientGone == config.ClientGoneRun,
		RedirectOutdated: c.Lock.OnIDChange == config.IDChangeRedirect,
		MaxHold:          c.Lock.MaxHold,
		MaxBodySize:      int64(c.Server.MaxBodySize),
		ReleaseOnHeaders: c.Lock.ReleaseOn == config.ReleaseOnHeaders,
		ReleaseDelay:     c.Lock.ReleaseDelay,
		OnStoreFailure:   storeFailure(c.Lock.OnStoreFailure),
		Shadow:           !c.Lock.Enforce,
		Limits:           generalLimits(c),
		Concurrency:      caps(c),
	}
	p.Cookie, p.Header = sessionNames(c, p.Upstream, config.SessionNames{})
	return p
}

func ruleOf(c *config.Config, r *config.Rule) rules.Rule {
	upstream := c.Upstreams[0].Name
	if r.Upstream != nil {
		upstream = *r.Upstream
	}
	cookie, header := sessionNames(c, upstream, r.Session)
	return rules.Rule{
		Name: r.Name,
		Match: rules.Match{
			Host:      r.Match.Host,
			Path:      r.Match.Path,
			PathRegex: r.Match.PathRegex,
			Method:    r.Match.Method,
			UserAgent: r.Match.UserAgent,
			Bot:       r.Match.Bot,
			Client:    r.Match.Client,
			Header:    pairs(r.Match.Header),
			Query:     pairs(r.Match.Query),
			Session:   r.Match.Session,
		},
		Lock:             mapped(r.Lock, lockMode),
		RejectBusy:       is(r.Busy, config.BusyReject),
		Reject:           is(r.Action, config.ActionReject),
		Status:           r.Status,
		Upstream:         &upstream,
		Cookie:           &cookie,
		Header:           &header,
		LockGroup:        r.LockGroup,
		MaxWaiting:       r.MaxWaiting,
		WaitTimeout:      r.WaitTimeout,
		ForwardOnTimeout: is(r.OnWaitTimeout, config.TimeoutForward),
		Unattended:       is(r.OnClientGone, config.ClientGoneRun),
		RedirectOutdated: is(r.OnIDChange, config.IDChangeRedirect),
		MaxHold:          r.MaxHold,
		MaxBodySize:      mapped(r.MaxBodySize, func(s config.Size) int64 { return int64(s) }),
		ReleaseOnHeaders: is(r.ReleaseOn, config.ReleaseOnHeaders),
		ReleaseDelay:     r.ReleaseDelay,
		OnStoreFailure:   mapped(r.OnStoreFailure, storeFailure),
		Shadow:           is(r.Enforce, false),
		Limits:           limitsOf(c, r),
		Concurrency:      capsOf(r),
		Priority:         mapped(r.Priority, priority),
	}
}

// generalLimits names the rate limits that hold where no rule skips them. A rate
// of 0 is no limit.
func generalLimits(c *config.Config) (names []string) {
	for _, l := range c.Limits {
		if l.Rate > 0 {
			names = append(names, l.Name)
		}
	}
	return names
}

func caps(c *config.Config) (names []string) {
	for _, one := range c.Concurrency {
		if one.Max > 0 {
			names = append(names, one.Name)
		}
	}
	return names
}

// limitsOf names the limits that hold for a rule: its own, and the general ones
// on top unless it skips them. nil: as everywhere.
func limitsOf(c *config.Config, r *config.Rule) []string {
	skips := r.SkipLimits != nil && *r.SkipLimits
	if len(r.Limits) == 0 && !skips {
		return nil
	}
	names := []string{}
	for i, l := range r.Limits {
		if l.Rate > 0 {
			names = append(names, r.LimitName(i))
		}
	}
	if !skips {
		names = append(names, generalLimits(c)...)
	}
	return names
}

// capsOf is nil where the general caps hold for a rule; it cannot have others.
func capsOf(r *config.Rule) []string {
	if r.SkipLimits != nil && *r.SkipLimits {
		return []string{}
	}
	return nil
}

// sessionNames finds the cookie and header of one application: the rule's word
// counts before its upstream's, and that before the general one.
func sessionNames(c *config.Config, upstream string, rule config.SessionNames) (cookie, header string) {
	cookie, header = c.Session.Cookie, c.Session.Header
	for i := range c.Upstreams {
		if c.Upstreams[i].Name == upstream {
			said(&cookie, c.Upstreams[i].Session.Cookie)
			said(&header, c.Upstreams[i].Session.Header)
		}
	}
	said(&cookie, rule.Cookie)
	said(&header, rule.Header)
	return cookie, header
}

func pairs(list []config.NameValue) []rules.NameValue {
	if list == nil {
		return nil
	}
	out := make([]rules.NameValue, len(list))
	for i, a := range list {
		out[i] = rules.NameValue{Name: a.Name, Value: a.Value}
	}
	return out
}

func lockMode(m config.LockMode) rules.LockMode {
	switch m {
	case config.ModeBarrier:
		return rules.Barrier
	case config.ModeNone:
		return rules.None
	case config.ModeExclusive:
	}
	return rules.Exclusive
}

func storeFailure(f config.OnStoreFailure) rules.StoreFailure {
	switch f {
	case config.StoreFailureClosed:
		return rules.Closed
	case config.StoreFailureOpen:
		return rules.Open
	case config.StoreFailureLocal:
	}
	return rules.Local
}

func priority(p config.Priority) rules.Priority {
	switch p {
	case config.PriorityHigh:
		return rules.High
	case config.PriorityLow:
		return rules.Low
	case config.PriorityNormal:
	}
	return rules.Normal
}

func said[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func is[T comparable](value *T, word T) *bool {
	return mapped(value, func(v T) bool { return v == word })
}

func mapped[T, U any](value *T, to func(T) U) *U {
	if value == nil {
		return nil
	}
	u := to(*value)
	return &u
}
