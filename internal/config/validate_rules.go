package config

import (
	"regexp"
	"slices"
	"strings"
)

func validateRules(cfg *Config, r *report) {
	seen := newNames("rule")
	for i := range cfg.Rules {
		rule, path := &cfg.Rules[i], joinIndex("rules", i)
		seen.add(r, path, rule.Name)
		validateMatch(r, cfg, joinKey(path, "match"), rule)
		validateSessionNames(r, joinKey(path, "session"), rule.Session)
		validateRuleBounds(r, cfg, path, rule)
		validateReject(r, path, rule)
		validateLockKeys(r, cfg, path, rule)
		validateRuleUpstream(r, cfg, path, rule)
		validateRuleLimits(r, cfg, path, rule)
	}
}

func validateRuleBounds(r *report, cfg *Config, path string, rule *Rule) {
	if rule.MaxWaiting != nil {
		below(r, joinKey(path, "max_waiting"), *rule.MaxWaiting, "lock.max_waiting_total", cfg.Lock.MaxWaitingTotal, "it would never be reached")
	}
	if rule.MaxBodySize != nil {
		below(r, joinKey(path, "max_body_size"), *rule.MaxBodySize, "spool.max_disk", cfg.Spool.MaxDisk, "a body of that size could not be kept")
	}
	hold, holdPath := cfg.Lock.MaxHold, "lock.max_hold"
	if rule.MaxHold != nil {
		hold, holdPath = *rule.MaxHold, joinKey(path, "max_hold")
	}
	if rule.ReleaseDelay != nil {
		below(r, joinKey(path, "release_delay"), *rule.ReleaseDelay, holdPath, hold, "the turn would end before its delay")
	}
	validateRuleHold(r, cfg, path, rule)
}

// validateRuleHold compares a rule's max_hold with the upstream's response_timeout,
// as that is compared with lock.max_hold. Where no turn is kept neither matters.
func validateRuleHold(r *report, cfg *Config, path string, rule *Rule) {
	mode := cfg.Lock.Mode
	if rule.Lock != nil {
		mode = *rule.Lock
	}
	at := cfg.upstreamIndex(rule)
	if rule.MaxHold == nil || *rule.MaxHold <= 0 || mode != ModeExclusive || at < 0 {
		return
	}
	timeout, timeoutPath := cfg.Upstreams[at].ResponseTimeout, joinKey(joinIndex("upstreams", at), "response_timeout")
	if timeout > 0 && timeout <= *rule.MaxHold {
		return
	}
	what := formatScalar(timeout)
	if timeout == 0 {
		what += ", no limit"
	}
	r.refuse(joinKey(path, "max_hold"), []string{timeoutPath}, "%s is below %s (%s): the next request of the session would start while the gate still waits for this one; "+
		"raise it, or name an upstream with a lower response_timeout", formatScalar(*rule.MaxHold), timeoutPath, what)
}

func validateReject(r *report, path string, rule *Rule) {
	action, status := joinKey(path, "action"), joinKey(path, "status")
	reject := rule.Action != nil && *rule.Action == ActionReject
	if rule.Status != nil {
		switch {
		case *rule.Status < 400 || *rule.Status > 599:
			r.refuse(status, nil, "found %d, want the status of a refusal, 400 to 599", *rule.Status)
		case !reject:
			r.refuse(status, []string{action}, "does nothing without action: reject")
		}
	}
	if !reject {
		return
	}
	for _, key := range saidKeys(rule) {
		if key != "name" && key != "match" && key != "action" && key != "status" && key != "enforce" {
			r.refuse(joinKey(path, key), []string{action}, "does nothing with action: reject")
		}
	}
}

// lineKeys are the keys of a rule that mean nothing to a request that does
// not stand in a line.
var lineKeys = []string{"busy", "max_waiting", "on_wait_timeout", "on_id_change", "release_on", "release_delay", "lock_group", "on_store_failure"}

// validateLockKeys refuses settings of a line where there is none.
func validateLockKeys(r *report, cfg *Config, path string, rule *Rule) {
	mode, modePath := cfg.Lock.Mode, "lock.mode"
	if rule.Lock != nil {
		mode, modePath = *rule.Lock, joinKey(path, "lock")
	}
	sessionPath := joinKey(path, "match.session")
	noSession := rule.Match.Session != nil && !*rule.Match.Session
	if noSession && rule.Lock != nil && *rule.Lock != ModeNone {
		r.refuse(joinKey(path, "lock"), []string{sessionPath}, "does nothing: the rule matches only requests without a session (session: false)")
	}
	said := saidKeys(rule)
	for _, key := range lineKeys {
		if !slices.Contains(said, key) {
			continue
		}
		switch {
		case noSession:
			r.refuse(joinKey(path, key), []string{sessionPath}, "does nothing: the rule matches only requests without a session (session: false)")
		case mode == ModeNone:
			r.refuse(joinKey(path, key), []string{modePath}, "does nothing: %s is none, so nobody waits", modePath)
		}
	}
}

func validateRuleUpstream(r *report, cfg *Config, path string, rule *Rule) {
	if rule.Upstream == nil {
		return
	}
	var known []string
	for _, u := range cfg.Upstreams {
		if u.Name == *rule.Upstream {
			return
		}
		known = append(known, u.Name)
	}
	message := "there is no upstream " + quote(*rule.Upstream)
	if near := nearest(*rule.Upstream, known); near != "" {
		message += "; did you mean " + quote(near) + "?"
	} else {
		message += "; there are " + strings.Join(known, ", ")
	}
	r.refuse(joinKey(path, "upstream"), []string{"upstreams"}, "%s", message)
}

var upperWord = regexp.MustCompile(`^[A-Z]+$`)

func validateMatch(r *report, cfg *Config, path string, rule *Rule) {
	m := rule.Match
	at := func(key string, i int) string { return joinIndex(joinKey(path, key), i) }
	if isEmptyMatch(m) {
		r.refuse(path, nil, `is empty and would match every request; if that is meant, write path: ["/**"]`)
	}
	for _, key := range emptyLists(m) {
		r.refuse(joinKey(path, key), nil, "an empty list never matches; leave the key out to match every request")
	}
	for i, host := range m.Host {
		if host == "" || strings.ContainsAny(host, "/: ") {
			r.refuse(at("host", i), nil, "found %s, want the name of a host without scheme and port, as in *.example.org", quote(host))
		}
	}
	for i, glob := range m.Path {
		if validatePathGlob(r, at("path", i), glob) {
			validateIndexScript(r, cfg, at("path", i), glob, rule.rejects())
		}
	}
	for i, method := range m.Method {
		if !upperWord.MatchString(method) {
			r.refuse(at("method", i), nil, "%s never matches: methods are upper case, as in GET", quote(method))
		}
	}
	for i, header := range m.Header {
		headerName(r, joinKey(at("header", i), "name"), header.Name)
	}
	for i, query := range m.Query {
		if query.Name == "" {
			r.refuse(joinKey(at("query", i), "name"), nil, "is missing, want the name of a query argument")
		}
	}
}

// validatePathGlob refuses globs that no normalised path can match; ok says that
// it has not.
func validatePathGlob(r *report, path, glob string) (ok bool) {
	if !strings.HasPrefix(glob, "/") && !strings.HasPrefix(glob, "**") {
		r.refuse(path, nil, "%s never matches: a path begins with /", quote(glob))
		return false
	}
	if strings.Contains(strings.ReplaceAll(glob, `\?`, ""), "?") {
		r.refuse(path, nil, "%s never matches: a path ends before the ?; query arguments stand in match.query", quote(glob))
		return false
	}
	if odd := oddInPath(glob); odd != "" {
		r.refuse(path, nil, "%s never matches: a path is normalised before, and has no %s", quote(glob), quote(odd))
		return false
	}
	return true
}

// validateIndexScript refuses globs that begin with the first upstream's index
// script, without which rules see a path. One that rejects may mean it where
// another upstream has another one: to that the path is what was sent.
func validateIndexScript(r *report, cfg *Config, path, glob string, rejects bool) {
	if len(cfg.Upstreams) == 0 {
		return
	}
	script := cfg.Upstreams[0].IndexScript
	if rejects && slices.ContainsFunc(cfg.Upstreams, func(u Upstream) bool { return u.IndexScript != script }) {
		return
	}
	rest, ok := strings.CutPrefix(glob, script)
	if !ok || rest != "" && rest[0] != '/' {
		return
	}
	folder := script[:strings.LastIndex(script, "/")+1]
	r.refuse(path, []string{"upstreams[0]"}, "%s never matches: the index_script is taken out of a path before; write %s", quote(glob), folder+strings.TrimPrefix(rest, "/"))
}

// oddInPath finds what a normalised path does not have.
func oddInPath(path string) string {
	for _, odd := range []string{"//", "/./", "/../"} {
		if strings.Contains(path, odd) {
			return odd
		}
	}
	for _, end := range []string{"/.", "/.."} {
		if strings.HasSuffix(path, end) {
			return end
		}
	}
	return ""
}
