package proxy

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// name is what a setup calls a rule, a limit or a cap: the value of a label.
type name struct{ label, value string }

const (
	ruleLabel  = "rule"
	limitLabel = "limit"
	capLabel   = "cap"
)

func namesOf(s *setup) map[name]bool {
	names := make(map[name]bool)
	for _, policy := range s.Rules.Policies() {
		names[name{ruleLabel, policy.Rule}] = true
	}
	for _, a := range s.apply {
		for _, l := range a.limiters {
			names[name{limitLabel, l.Limit().Name}] = true
		}
		for _, c := range a.caps {
			names[name{capLabel, c.Concurrency().Name}] = true
		}
	}
	return names
}

// namesInUse knows how many setups have each name and may still count by it.
type namesInUse struct {
	mu     sync.Mutex
	setups map[name]int
}

// keepNames says that a setup may count by names, until dropNames.
func (m *Metrics) keepNames(names map[name]bool) {
	m.names.mu.Lock()
	defer m.names.mu.Unlock()
	for n := range names {
		m.names.setups[n]++
	}
}

// dropNames drops the counters of names that no other setup has: with names that a
// program makes up for each change there would be ever more of them. That is done
// under the mutex, for a setup that comes has its counters made behind keepNames.
func (m *Metrics) dropNames(names map[name]bool) {
	m.names.mu.Lock()
	defer m.names.mu.Unlock()
	for n := range names {
		if m.names.setups[n]--; m.names.setups[n] > 0 {
			continue
		}
		delete(m.names.setups, n)
		m.countersBy(n.label).DeletePartialMatch(prometheus.Labels{n.label: n.value})
	}
}

func (m *Metrics) countersBy(label string) *prometheus.CounterVec {
	switch label {
	case ruleLabel:
		return m.requests
	case limitLabel:
		return m.limitRefused
	}
	return m.capRefused
}
