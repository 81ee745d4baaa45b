package config

import (
	"fmt"
	"strings"
)

// limits says who is held to what, where no rule says otherwise.
func (d *description) limits(cfg *Config) {
	for _, l := range cfg.Limits {
		d.line("Limit %s: %s.", l.Name, l.inWords())
	}
	for _, c := range cfg.Concurrency {
		d.line("Limit %s: %s, requests in the gate at once: %s%s.", c.Name, c.Key.inWords(), count(c.Max), onlyCounted(c.Enforce))
	}
	if cfg.SharesLimits() {
		d.line("Limits of all gates are counted in %s; while that is away each gate counts by itself.", cfg.Redis.inWords())
	}
	if cfg.hasLimits() {
		d.line("A limit knows %d keys at once; beyond that, new ones are judged by their network.", cfg.LimitKeys)
	}
}

func (cfg *Config) hasLimits() bool {
	for i := range cfg.Rules {
		if len(cfg.Rules[i].Limits) > 0 {
			return true
		}
	}
	return len(cfg.Limits) > 0
}

func (l Limit) inWords() string {
	if l.Rate == 0 {
		return l.Key.inWords() + ", no limit"
	}
	where := "in this gate"
	if l.Scope == ScopeShared {
		where = "over all gates"
	}
	return fmt.Sprintf("%s at most %s, %d at once, %s%s", l.Key.inWords(), formatScalar(l.Rate), l.Burst, where, onlyCounted(l.Enforce))
}

func (k LimitKey) inWords() string {
	return map[LimitKey]string{
		KeyClient:    "each client",
		KeySession:   "each session",
		KeyUserAgent: "each user agent",
		KeyRule:      "each rule",
		KeyAll:       "all together",
	}[k]
}

func onlyCounted(enforce bool) string {
	return only(!enforce, "; not enforced, only counted")
}

// limitsInWords says what limits hold for a rule beside the general ones, or in
// their place.
func (rule *Rule) limitsInWords() string {
	var parts []string
	for _, l := range rule.Limits {
		parts = append(parts, l.inWords())
	}
	own := strings.Join(parts, "; ")
	skips := rule.SkipLimits != nil && *rule.SkipLimits
	switch {
	case skips && own == "":
		return "are not limited"
	case skips:
		return "are limited to this alone (" + own + ")"
	case own != "":
		return "are limited to this, too (" + own + ")"
	}
	return ""
}
