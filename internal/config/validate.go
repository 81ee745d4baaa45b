package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// validate reports everything about a well-typed configuration that cannot
// work or cannot be meant. It looks at the configuration alone, never at the
// machine (CheckFiles does).
func validate(cfg *Config, r *report) {
	if slices.Contains(r.broken, "") {
		return // the file as a whole: nothing follows from what was read of it
	}
	validateNumbers(cfg, r)
	validateServer(cfg, r)
	validateSpool(cfg, r)
	validateAdmin(cfg, r)
	validateSession(cfg, r)
	validateLock(cfg, r)
	validateRedis(cfg, r)
	validateUpstreams(cfg, r)
	validateRules(cfg, r)
	validateLimits(cfg, r)
}

// leasts are the numbers that must be larger than 0, by general path.
var leasts = map[string]struct {
	least any
	why   string
}{
	"server.max_header_size":      {KiB, "no browser's request has smaller headers"},
	"lock.ttl":                    {time.Second, "a lease ends by itself, and is renewed every third of its ttl"},
	"redis.timeout":               {time.Millisecond, "a gate does not wait for Redis without a bound"},
	"redis.pool_size":             {1, "acquiring and releasing need a connection each"},
	"upstreams[].health.interval": {100 * time.Millisecond, "checks are requests too"},
	"upstreams[].health.timeout":  {time.Millisecond, "a check that never ends says nothing"},
	"upstreams[].health.fall":     {1, "a server is out after so many failures"},
	"upstreams[].health.rise":     {1, "a server is in after so many successes"},
	"limit_keys":                  {1, "a limit knows whom it has let through"},
	"limits[].burst":              {1, "a smaller burst lets nothing through"},
	"rules[].limits[].burst":      {1, "a smaller burst lets nothing through"},
}

// validateNumbers holds every number to its least: 0 for most of them.
func validateNumbers(cfg *Config, r *report) {
	visit(reflect.ValueOf(*cfg), "", func(path string, value reflect.Value) {
		if !value.CanInt() {
			return
		}
		if bound, ok := leasts[general(path)]; ok {
			if value.Int() < reflect.ValueOf(bound.least).Int() {
				r.refuse(path, nil, "found %s, want at least %s: %s", formatScalar(value.Interface()), formatScalar(bound.least), bound.why)
			}
			return
		}
		if value.Int() < 0 {
			r.refuse(path, nil, "found %s, want 0 or more", formatScalar(value.Interface()))
		}
	})
}

// atMost refuses a number above another one. 0 means no limit: it is above
// every limit, and nothing is above it.
func atMost[T int | Size | time.Duration](r *report, path string, value T, boundPath string, bound T, why string) {
	if bound <= 0 || value >= 0 && value <= bound && value != 0 {
		return
	}
	what := formatScalar(value)
	if value == 0 {
		what += " (no limit)"
	}
	r.refuse(path, []string{boundPath}, "%s is above %s (%s): %s", what, boundPath, formatScalar(bound), why)
}

// below is atMost for a bound that only caps the value: a contradiction where
// the operator wrote the value, harmless where it is the default. 0 is not
// compared.
func below[T int | Size | time.Duration](r *report, path string, value T, boundPath string, bound T, why string) {
	if _, said := r.origins[path]; said && value > 0 {
		atMost(r, path, value, boundPath, bound, why)
	}
}

// plainName is what stands in logs, in labels of metrics and in addresses of
// the API without being escaped.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// names reports the missing, the ugly and the repeated ones of a list.
type names struct {
	kind string // what is named: "upstream"
	seen map[string]string
}

func newNames(kind string) names { return names{kind: kind, seen: map[string]string{}} }

func (n names) add(r *report, path, name string) {
	key := joinKey(path, "name")
	switch {
	case name == "":
		r.refuse(key, nil, "is missing: every %s has a name, for logs, metrics and these messages", n.kind)
		return
	case !plainName.MatchString(name):
		r.refuse(key, nil, "found %s, want up to 64 letters, digits, dots, dashes and underscores, a letter or digit first", quote(name))
	}
	if first, ok := n.seen[name]; ok {
		r.refuse(key, nil, "%s is the name of %s too; every %s has a name of its own", quote(name), first, n.kind)
		return
	}
	n.seen[name] = path
}

// token is what HTTP allows as the name of a header, a cookie or a method
// (RFC 9110, 5.6.2).
var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func headerName(r *report, path, name string) {
	switch {
	case !token.MatchString(name):
		r.refuse(path, nil, "found %s, want the name of a header, as in X-Session-Id", quote(name))
	case hasUnderscoreOrDot(name):
		r.refuse(path, nil, "%s never arrives: header names with _ or . are dropped, PHP would fold them into others", quote(name))
	}
}

func hasUnderscoreOrDot(name string) bool {
	for _, c := range name {
		if c == '_' || c == '.' {
			return true
		}
	}
	return false
}

// cookieName follows PHP: session.name holds none of =,;.[ and no space.
var cookieName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+^_`|~-]+$")

func validateCookieName(r *report, path, name string) {
	if !cookieName.MatchString(name) {
		r.refuse(path, nil, "found %s, want the name of a cookie that PHP takes as session.name, as in PHPSESSID", quote(name))
	}
}

func urlPath(r *report, path, text string) {
	if err := checkURLPath(text); err != nil {
		r.refuse(path, nil, "%s", err)
	}
}

func checkURLPath(text string) error {
	if text == "" || text[0] != '/' {
		return fmt.Errorf("found %s, want a path that begins with /", quote(text))
	}
	odd := oddInPath(text)
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		odd = text[i : i+1]
	}
	if odd != "" {
		return fmt.Errorf("found %s, want a plain path without %s", quote(text), quote(odd))
	}
	return nil
}
