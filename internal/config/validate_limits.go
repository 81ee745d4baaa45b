package config

import "math"

// The bounds of package limiter.
const (
	mostLetters   = 128        // of a limit's name
	mostRequests  = 1000000000 // a burst, and a rate a second
	mostShared    = 20000      // a second: Redis counts in whole microseconds
	longestRefill = 366 * 24 * 3600
)

func validateLimits(cfg *Config, r *report) {
	limits := newNames("limit")
	for i, limit := range cfg.Limits {
		path := joinIndex("limits", i)
		limits.add(r, path, limit.Name)
		validateLimit(r, cfg, path, limit)
	}
	caps := newNames("cap")
	for i, one := range cfg.Concurrency {
		caps.add(r, joinIndex("concurrency", i), one.Name)
	}
}

// validateRuleLimits: a rule's limits may go without a name.
func validateRuleLimits(r *report, cfg *Config, path string, rule *Rule) {
	seen := map[string]string{}
	for i, limit := range rule.Limits {
		at := joinIndex(joinKey(path, "limits"), i)
		name := joinKey(at, "name")
		if limit.Name != "" && !plainName.MatchString(limit.Name) {
			r.refuse(name, nil, "found %s, want up to 64 letters, digits, dots, dashes and underscores, a letter or digit first", quote(limit.Name))
		} else if n := len(rule.LimitName(i)); n > mostLetters {
			r.refuse(name, nil, "%s has %d letters with the name of its rule, want at most %d", quote(limit.Name), n, mostLetters)
		} else if first, ok := seen[rule.LimitName(i)]; ok {
			r.refuse(name, nil, "%s is the name of %s too; every limit of a rule has a name of its own, or none", quote(rule.LimitName(i)), first)
		} else {
			seen[rule.LimitName(i)] = at
		}
		if session := rule.Match.Session; limit.Key == KeySession && session != nil && !*session {
			r.refuse(joinKey(at, "key"), []string{joinKey(path, "match.session")}, "does nothing: the rule matches only requests without a session (session: false)")
		}
		validateLimit(r, cfg, at, limit)
	}
}

// validateLimit refuses numbers that cannot be counted. What is below the least
// has its message already.
func validateLimit(r *report, cfg *Config, path string, l Limit) {
	rate, burst, scope := joinKey(path, "rate"), joinKey(path, "burst"), joinKey(path, "scope")
	if l.Scope == ScopeShared && cfg.Lock.Store != StoreRedis && !r.says("redis") {
		r.refuse(scope, []string{"lock.store"}, "shared is counted in Redis, and nothing says where that is; write the section redis (its addresses), or scope: local")
	}
	switch {
	case l.Rate > mostRequests:
		r.refuse(rate, nil, "found %s, want at most %d/s", formatScalar(l.Rate), mostRequests)
		return
	case l.Scope == ScopeShared && l.Rate > mostShared:
		r.refuse(rate, []string{scope}, "found %s, want at most %d/s with scope: shared, which is counted in whole microseconds", formatScalar(l.Rate), mostShared)
		return
	case l.Burst > mostRequests:
		r.refuse(burst, nil, "found %d, want at most %d", l.Burst, mostRequests)
		return
	}
	if most := math.Floor(float64(l.Rate) * longestRefill); l.Rate > 0 && float64(l.Burst) > most {
		r.refuse(burst, []string{rate}, "found %d, want at most %.0f: at %s more would take over a year to come back", l.Burst, most, formatScalar(l.Rate))
	}
}
