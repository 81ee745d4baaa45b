package config

import (
	"fmt"
	"slices"
	"strings"
)

// readers are the methods that are not meant to change anything (RFC 9110,
// section 9.2.1).
var readers = []string{"GET", "HEAD", "OPTIONS", "TRACE"}

// RuleWarnings finds what may be meant as it is said, and by which more gets past
// the lock or the limits than most operators want.
func RuleWarnings(cfg *Config) Errors {
	var warnings Errors
	if !cfg.Lock.Enforce {
		warnings = append(warnings, &Error{Path: "lock.enforce", Message: "false: nothing is enforced but by rules with enforce: true; nobody waits for a turn or is refused by lock, rules and limits, what would have been is counted"})
	}
	for i := range cfg.Rules {
		rule := &cfg.Rules[i]
		if rule.rejects() {
			continue
		}
		warn := func(key, message string, args ...any) {
			warnings = append(warnings, &Error{Path: joinKey(joinIndex("rules", i), key), Message: fmt.Sprintf(message, args...)})
		}
		rule.warnOfLock(warn)
		rule.warnOfLimits(warn)
		rule.warnOfEnforce(cfg, warn)
	}
	return warnings
}

type warnFunc func(key, message string, args ...any)

// warnOfLock is about rules that give no turn. Requests without a session would
// have none anyway.
func (rule *Rule) warnOfLock(warn warnFunc) {
	m := &rule.Match
	if rule.Lock == nil || *rule.Lock == ModeExclusive || m.Session != nil && !*m.Session {
		return
	}
	if writers := m.writers(); writers != "" {
		warn("lock", "%s lets requests that write past the lock: the rule takes %s; say in match.method which only read, as [GET, HEAD]", formatScalar(*rule.Lock), writers)
	}
	if m.trustsUserAgent() {
		warn("lock", "%s for whoever names the right user agent: anybody can, and passes the lock; add session: false to match, or the client networks", formatScalar(*rule.Lock))
	}
}

// warnOfLimits: a user agent may choose other limits, and must not choose none.
func (rule *Rule) warnOfLimits(warn warnFunc) {
	if rule.SkipLimits != nil && *rule.SkipLimits && len(rule.Limits) == 0 && rule.Match.trustsUserAgent() {
		warn("skip_limits", "true for whoever names the right user agent: anybody can, and passes the limits; give the rule limits of its own, or add the client networks to match")
	}
}

// writers names the methods of a match that write; "" where it takes none.
func (m *Match) writers() string {
	if m.Method == nil {
		return "POST, too"
	}
	return strings.Join(slices.DeleteFunc(slices.Clone(m.Method), func(method string) bool { return slices.Contains(readers, method) }), " and ")
}

// trustsUserAgent: what is matched is the client's own word on who it is, and
// nothing else that says so.
func (m *Match) trustsUserAgent() bool {
	return (m.Bot != nil && *m.Bot || m.UserAgent != nil) && m.Client == nil
}
