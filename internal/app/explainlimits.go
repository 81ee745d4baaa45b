package app

import (
	"fmt"
	"slices"

	"github.com/sessiongate/sessiongate/internal/config"
)

// ExplainedLimit is a rate limit that holds for a request.
type ExplainedLimit struct {
	Name    string `json:"name"`
	Key     string `json:"key"` // what is counted apart
	Rate    string `json:"rate"`
	Burst   int    `json:"burst"`
	Scope   string `json:"scope"`
	Enforce bool   `json:"enforce"`
	Applies bool   `json:"applies"` // the request has what is counted apart: a session, a client
	From    string `json:"from"`    // limits[0], rules[1].limits[0]
}

// ExplainedCap is a bound on requests at once that holds for a request.
type ExplainedCap struct {
	Name    string `json:"name"`
	Key     string `json:"key"`
	Max     int    `json:"max"`
	Enforce bool   `json:"enforce"`
	Applies bool   `json:"applies"` // as of a limit
	From    string `json:"from"`
}

// limitsNamed finds limits by the names under which a policy knows them, in the
// order of the configuration: those of rules, then the general ones.
func limitsNamed(c *config.Config, names []string) []ExplainedLimit {
	list := []ExplainedLimit{}
	add := func(name, from string, l config.Limit) {
		if slices.Contains(names, name) {
			list = append(list, ExplainedLimit{
				Name: name, Key: string(l.Key), Rate: config.Format(l.Rate), Burst: l.Burst, Scope: string(l.Scope), Enforce: l.Enforce, From: from,
			})
		}
	}
	for i := range c.Rules {
		rule := &c.Rules[i]
		for n, l := range rule.Limits {
			add(rule.LimitName(n), fmt.Sprintf("rules[%d].limits[%d]", i, n), l)
		}
	}
	for i, l := range c.Limits {
		add(l.Name, fmt.Sprintf("limits[%d]", i), l)
	}
	return list
}

func capsNamed(c *config.Config, names []string) []ExplainedCap {
	list := []ExplainedCap{}
	for i, one := range c.Concurrency {
		if slices.Contains(names, one.Name) {
			list = append(list, ExplainedCap{Name: one.Name, Key: string(one.Key), Max: one.Max, Enforce: one.Enforce, From: fmt.Sprintf("concurrency[%d]", i)})
		}
	}
	return list
}

// onlyCount says of all limits that they refuse nobody, as of a request for which
// nothing is enforced.
func (e *Explanation) onlyCount() {
	for i := range e.Limits {
		e.Limits[i].Enforce = false
	}
	for i := range e.Caps {
		e.Caps[i].Enforce = false
	}
}

// apply says of which limits the request has the key: they count no request that
// has none.
func (e *Explanation) apply() {
	applies := func(key string) bool {
		switch config.LimitKey(key) {
		case config.KeySession:
			return e.Request.Session != ""
		case config.KeyClient, config.KeyUserAgent, config.KeyRule, config.KeyAll:
		}
		return true
	}
	for i := range e.Limits {
		e.Limits[i].Applies = applies(e.Limits[i].Key)
	}
	for i := range e.Caps {
		e.Caps[i].Applies = applies(e.Caps[i].Key)
	}
}
