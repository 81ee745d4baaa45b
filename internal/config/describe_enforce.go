package config

// enforced says whether all that is told of lock, rules and limits holds.
func (d *description) enforced(cfg *Config) {
	if !cfg.Lock.Enforce {
		d.line("Enforces nothing (lock.enforce: false): nobody waits for a turn or a slot, or is refused by lock, rules and limits; what would have been is counted. Only rules with enforce: true are enforced.")
	}
}

// rejects says that a rule refuses what it matches.
func (rule *Rule) rejects() bool { return rule.Action != nil && *rule.Action == ActionReject }

// enforces says whether a rule is enforced: by its own word, or else by lock's.
func (rule *Rule) enforces(cfg *Config) bool {
	if rule.Enforce != nil {
		return *rule.Enforce
	}
	return cfg.Lock.Enforce
}

// enforcedInWords is about rules for which that is not as everywhere, and about
// refusals that are none.
func (rule *Rule) enforcedInWords(cfg *Config) string {
	switch enforces := rule.enforces(cfg); {
	case !enforces && rule.rejects():
		return "; not enforced: they are counted, and the rules below decide"
	case rule.Enforce == nil || enforces == cfg.Lock.Enforce:
		return ""
	case enforces:
		return "; this is enforced"
	}
	return "; not enforced, only counted"
}

// warnOfEnforce names what holds nobody up.
func (rule *Rule) warnOfEnforce(cfg *Config, warn warnFunc) {
	if rule.Enforce != nil && !*rule.Enforce && cfg.Lock.Enforce {
		warn("enforce", "false: requests of one session run at once here, beside those of other rules, and no limit refuses any; it is only counted")
	}
}
