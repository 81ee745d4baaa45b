package config

import "strconv"

// LimitName is what a limit of a rule is called among all limits: by its own
// name, or else by its place, within the rule.
func (rule *Rule) LimitName(i int) string {
	name := rule.Limits[i].Name
	if name == "" {
		name = strconv.Itoa(i + 1)
	}
	return rule.Name + "/" + name
}

// SharesLimits says that some limit is counted over all gates.
func (cfg *Config) SharesLimits() bool {
	for i := range cfg.Rules {
		if shares(cfg.Rules[i].Limits) {
			return true
		}
	}
	return shares(cfg.Limits)
}

func shares(limits []Limit) bool {
	for _, l := range limits {
		if l.Scope == ScopeShared && l.Rate > 0 {
			return true
		}
	}
	return false
}

// UsesRedis says that the gate needs what stands in redis.
func (cfg *Config) UsesRedis() bool { return cfg.Lock.Store == StoreRedis || cfg.SharesLimits() }
