package config

import (
	"fmt"
	"slices"
	"strings"
)

// readers are the methods that are not meant to change anything (RFC 9110,
// section 9.2.1).
var readers = []string{"GET", "HEAD", "OPTIONS", "TRACE"}

// methodsInUse are those to which another may be a slip of the pen: of HTTP (RFC
// 9110, RFC 5789), of WebDAV and its kin, and of caches.
var methodsInUse = []string{
	"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY",
	"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "ACL",
	"BIND", "LINK", "UNLINK", "MERGE", "CHECKOUT", "MKCALENDAR", "PURGE", "BAN", "REFRESH",
}

// RuleWarnings finds what may be meant as it is said, and by which more gets past
// the lock or the limits than most operators want.
func RuleWarnings(cfg *Config) Errors {
	var warnings Errors
	if !cfg.Lock.Enforce {
		warnings = append(warnings, &Error{Path: "lock.enforce", Message: "false: nothing is enforced but by rules with enforce: true; nobody waits for a turn or is refused by lock, rules and limits, what would have been is counted"})
	}
	for i := range cfg.Rules {
		rule := &cfg.Rules[i]
		path := joinIndex("rules", i)
		warnAt := func(path, message string, args ...any) {
			warnings = append(warnings, &Error{Path: path, Message: fmt.Sprintf(message, args...)})
		}
		warn := func(key, message string, args ...any) { warnAt(joinKey(path, key), message, args...) }
		rule.Match.warnOfMethods(joinKey(joinKey(path, "match"), "method"), warnAt)
		if rule.rejects() {
			continue
		}
		rule.warnOfLock(warn)
		rule.warnOfLimits(warn)
		rule.warnOfPlace(cfg.Rules[i+1:], i+1, warn)
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

// warnOfMethods: any word may be a method, and one that nobody sends never matches.
func (m *Match) warnOfMethods(path string, warn warnFunc) {
	for i, method := range m.Method {
		if slices.Contains(methodsInUse, method) {
			continue
		}
		if meant := nearest(method, methodsInUse); meant != "" {
			warn(joinIndex(path, i), "%s is no method in use; did you mean %s?", quote(method), quote(meant))
		}
	}
}

// warnOfLimits: a user agent may choose other limits, and must not choose none.
func (rule *Rule) warnOfLimits(warn warnFunc) {
	if rule.SkipLimits != nil && *rule.SkipLimits && len(rule.Limits) == 0 && rule.Match.trustsUserAgent() {
		warn("skip_limits", "true for whoever names the right user agent: anybody can, and passes the limits; give the rule limits of its own, or add the client networks to match")
	}
}

// warnOfPlace: the first rule that matches decides, and one that asks for nothing
// but a user agent can be chosen by whoever would be refused, or limited, by a
// later one. next is the number of the first of those.
func (rule *Rule) warnOfPlace(later []Rule, next int, warn warnFunc) {
	if !rule.Match.trustsUserAgent() || rule.Match.narrowed() {
		return
	}
	var passed []string
	for i := range later {
		if later[i].rejects() || len(later[i].Limits) > 0 {
			passed = append(passed, fmt.Sprintf("%s (%s)", joinIndex("rules", next+i), later[i].Name))
		}
	}
	if len(passed) > 0 {
		warn("match", "whoever names the right user agent is past what refuses or limits in %s: anybody can; put the rule behind", strings.Join(passed, ", "))
	}
}

// narrowed: something but the user agent, the session and the client's address
// decides, too.
func (m *Match) narrowed() bool {
	return m.Host != nil || m.Path != nil || m.PathRegex != nil || m.Method != nil || m.Header != nil || m.Query != nil
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
