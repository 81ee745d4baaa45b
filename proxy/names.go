package proxy

import "github.com/prometheus/client_golang/prometheus"

// names are those that a setup gives to rules, limits and caps: the values of labels.
type names struct{ rules, limits, caps map[string]bool }

func namesOf(s *setup) names {
	n := names{rules: make(map[string]bool), limits: make(map[string]bool), caps: make(map[string]bool)}
	for _, policy := range s.Rules.Policies() {
		n.rules[policy.Rule] = true
	}
	for _, a := range s.apply {
		for _, l := range a.limiters {
			n.limits[l.Limit().Name] = true
		}
		for _, c := range a.caps {
			n.caps[c.Concurrency().Name] = true
		}
	}
	return n
}

// without leaves out what others have, too.
func (n names) without(others names) names {
	return names{rules: minus(n.rules, others.rules), limits: minus(n.limits, others.limits), caps: minus(n.caps, others.caps)}
}

func minus(set, others map[string]bool) map[string]bool {
	rest := make(map[string]bool)
	for name := range set {
		if !others[name] {
			rest[name] = true
		}
	}
	return rest
}

// forget drops the counters of names that are gone: with names that a program makes
// up for each change there would be ever more of them.
func (m *Metrics) forget(gone names) {
	for _, c := range []struct {
		names map[string]bool
		label string
		of    *prometheus.CounterVec
	}{{gone.rules, "rule", m.requests}, {gone.limits, "limit", m.limitRefused}, {gone.caps, "cap", m.capRefused}} {
		for name := range c.names {
			c.of.DeletePartialMatch(prometheus.Labels{c.label: name})
		}
	}
}
