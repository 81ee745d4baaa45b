package app

import (
	"fmt"
	"strconv"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/rules"
)

// Setting is one thing that holds for a request.
type Setting struct {
	Key   string `json:"key"` // as in a rule
	Value string `json:"value"`
	From  string `json:"from"` // the key that says so: rules[0].lock, lock.mode; "" nobody does, it is so
}

// Setting is the value under a key of the policy; "" where it has no such key.
func (e *Explanation) Setting(key string) string {
	for _, s := range e.Policy {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func ruleKey(i int) string { return fmt.Sprintf("rules[%d]", i) }

// explained is a field of a policy, by its key in a rule.
type explained struct {
	key     string
	value   func(*rules.Policy) string
	general string // the key that says so where the rule does not; "" none does
}

// policyFields are those of a request that is not refused.
var policyFields = []explained{
	{"lock", func(p *rules.Policy) string { return p.Lock.String() }, "lock.mode"},
	{"lock_group", func(p *rules.Policy) string { return orNone(p.LockGroup) }, ""},
	{"busy", func(p *rules.Policy) string { return word(p.RejectBusy, config.BusyReject, config.BusyQueue) }, "lock.busy"},
	{"enforce", func(p *rules.Policy) string { return strconv.FormatBool(!p.Shadow) }, "lock.enforce"},
	{"max_waiting", func(p *rules.Policy) string { return bound(p.MaxWaiting) }, "lock.max_waiting"},
	{"wait_timeout", func(p *rules.Policy) string { return bound(p.WaitTimeout) }, "lock.wait_timeout"},
	{"on_wait_timeout", func(p *rules.Policy) string {
		return word(p.ForwardOnTimeout, config.TimeoutForward, config.TimeoutReject)
	}, "lock.on_wait_timeout"},
	{"on_client_gone", func(p *rules.Policy) string {
		return word(p.Unattended, config.ClientGoneRun, config.ClientGoneDrop)
	}, "lock.on_client_gone"},
	{"on_id_change", func(p *rules.Policy) string {
		return word(p.RedirectOutdated, config.IDChangeRedirect, config.IDChangeForward)
	}, "lock.on_id_change"},
	{"max_hold", func(p *rules.Policy) string { return bound(p.MaxHold) }, "lock.max_hold"},
	{"release_on", func(p *rules.Policy) string {
		return word(p.ReleaseOnHeaders, config.ReleaseOnHeaders, config.ReleaseOnEnd)
	}, "lock.release_on"},
	{"release_delay", func(p *rules.Policy) string { return config.Format(p.ReleaseDelay) }, "lock.release_delay"},
	{"on_store_failure", func(p *rules.Policy) string { return p.OnStoreFailure.String() }, "lock.on_store_failure"},
	{"max_body_size", func(p *rules.Policy) string { return bound(config.Size(p.MaxBodySize)) }, "server.max_body_size"},
	{"priority", func(p *rules.Policy) string { return p.Priority.String() }, ""},
	{"upstream", func(p *rules.Policy) string { return p.Upstream }, "upstreams[0]"},
}

// refusalFields are those of a request that its rule refuses.
var refusalFields = []explained{
	{"action", func(*rules.Policy) string { return string(config.ActionReject) }, ""},
	{"status", func(p *rules.Policy) string { return strconv.Itoa(p.Status) }, ""},
	{"enforce", func(p *rules.Policy) string { return strconv.FormatBool(!p.Shadow) }, "lock.enforce"},
}

// settingsOf lists what holds under a policy, each with the key that says so.
func settingsOf(c *config.Config, p *rules.Policy) []Setting {
	rule, place := &config.Rule{}, ""
	if p.Number > 0 {
		rule, place = &c.Rules[p.Number-1], ruleKey(p.Number-1)
	}
	fields := policyFields
	if p.Reject {
		fields = refusalFields
	}
	var list []Setting
	for _, f := range fields {
		from := f.general
		if rule.Says(f.key) {
			from = place + "." + f.key
		}
		list = append(list, Setting{Key: f.key, Value: f.value(p), From: from})
	}
	if p.Reject {
		return list
	}
	list = append(list, upstreamSettings(c, p.Upstream)...)
	own := sessionNamesOf(c, p.Upstream)
	return append(list,
		Setting{Key: "session.cookie", Value: orNone(p.Cookie), From: firstSaid("cookie", place, rule.Session.Cookie, own.place, own.names.Cookie)},
		Setting{Key: "session.header", Value: orNone(p.Header), From: firstSaid("header", place, rule.Session.Header, own.place, own.names.Header)})
}

type upstreamNames struct {
	place string
	names config.SessionNames
}

func sessionNamesOf(c *config.Config, upstream string) upstreamNames {
	place, u := upstreamNamed(c, upstream)
	return upstreamNames{place, u.Session}
}

// firstSaid follows sessionNames: the rule's word, its upstream's, the general
// one.
func firstSaid(key, rule string, byRule *string, upstream string, byUpstream *string) string {
	switch {
	case byRule != nil:
		return rule + ".session." + key
	case byUpstream != nil:
		return upstream + ".session." + key
	}
	return "session." + key
}

// bound writes a number of which 0 means that there is none.
func bound[T comparable](value T) string {
	var zero T
	if value == zero {
		return "no limit"
	}
	return config.Format(value)
}

func word[T ~string](yes bool, ifYes, ifNo T) string {
	if yes {
		return string(ifYes)
	}
	return string(ifNo)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
