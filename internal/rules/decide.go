package rules

import "strings"

// Request is what rules see of a request.
type Request struct {
	Host     string // as sent, with or without port
	Path     string // as NormalizePath returned it
	Method   string
	RawQuery string // still encoded, without "?"
	// PathInfo: the application may be a tree of scripts, so that "/x.php/a" is
	// the script "/x.php", and "/a/" is "/a/index.php". A path then matches by
	// its script as well.
	PathInfo bool
	// HasSession reports whether a session id is in that cookie or header. It
	// is called only when a rule asks, and once for rules that ask the same (of
	// the first 64 pairs). nil is "no session".
	HasSession func(cookie, header string) bool
}

// Set is a compiled list of rules. It may be used by any number of goroutines.
type Set struct {
	base  Policy
	rules []compiled
}

// compiled is one rule; a nil field matches everything.
type compiled struct {
	policy  Policy
	method  []string
	host    []*glob
	path    []*glob
	query   []argument
	session *bool
	source  uint // number of the pair of cookie and header that session is about
}

// Decide returns the policy of the first rule that matches, else the base
// policy. The policy is shared: do not change it.
func (s *Set) Decide(r *Request) *Policy { return s.from(0, r) }

// Behind decides as if a rule and those before it were not there: for a rule that
// would have refused the request, and is not enforced.
func (s *Set) Behind(p *Policy, r *Request) *Policy { return s.from(p.Number, r) }

// Policies are all that Decide may return, by their Number.
func (s *Set) Policies() []*Policy {
	all := []*Policy{&s.base}
	for i := range s.rules {
		all = append(all, &s.rules[i].policy)
	}
	return all
}

func (s *Set) from(first int, r *Request) *Policy {
	facts := facts{request: r}
	for i := first; i < len(s.rules); i++ {
		if s.rules[i].matches(&facts) {
			return &s.rules[i].policy
		}
	}
	return &s.base
}

// facts are found out once for a request, and only when asked for.
type facts struct {
	request        *Request
	host           string
	hostKnown      bool
	asked, present uint64 // sessions, by source
}

// matches asks what is cheap first.
func (c *compiled) matches(f *facts) bool {
	r := f.request
	return contains(c.method, r.Method) &&
		anyPath(c.path, r) &&
		(c.host == nil || anyGlob(c.host, f.hostName())) &&
		anyArgument(c.query, r.RawQuery) &&
		(c.session == nil || f.hasSession(c) == *c.session)
}

func contains(list []string, s string) bool {
	if list == nil {
		return true
	}
	for _, entry := range list {
		if entry == s {
			return true
		}
	}
	return false
}

func anyGlob(globs []*glob, s string) bool {
	if globs == nil {
		return true
	}
	for _, g := range globs {
		if matches(g, s) {
			return true
		}
	}
	return false
}

// maxScripts bounds the places in a path at which a script may end.
const maxScripts = 16

// anyPath matches the whole path and, with PathInfo, the folder's index and what
// is before each "/" that follows ".php": one of them is the script that will
// run.
func anyPath(globs []*glob, r *Request) bool {
	if anyGlob(globs, r.Path) {
		return true
	}
	if globs == nil || !r.PathInfo {
		return false
	}
	if strings.HasSuffix(r.Path, "/") && anyGlob(globs, r.Path+"index.php") {
		return true
	}
	for at, n := 0, 0; n < maxScripts; n++ {
		i := strings.Index(r.Path[at:], ".php/")
		if i < 0 {
			return false
		}
		at += i + len(".php")
		if anyGlob(globs, r.Path[:at]) {
			return true
		}
	}
	return false
}

func anyArgument(arguments []argument, rawQuery string) bool {
	if arguments == nil {
		return true
	}
	for i := range arguments {
		if arguments[i].in(rawQuery) {
			return true
		}
	}
	return false
}

func (f *facts) hostName() string {
	if !f.hostKnown {
		f.host, f.hostKnown = hostName(f.request.Host), true
	}
	return f.host
}

// hasSession remembers the answers for the first 64 sources.
func (f *facts) hasSession(c *compiled) bool {
	bit := uint64(1) << c.source
	if f.asked&bit != 0 {
		return f.present&bit != 0
	}
	f.asked |= bit
	has := f.request.HasSession != nil && f.request.HasSession(c.policy.Cookie, c.policy.Header)
	if has {
		f.present |= bit
	}
	return has
}

// hostName drops the port, the brackets of an IPv6 address, and the dot at the
// end of a fully qualified name.
func hostName(host string) string {
	if strings.HasPrefix(host, "[") {
		name, _, _ := strings.Cut(host[1:], "]")
		return name
	}
	if name, _, ok := strings.Cut(host, ":"); ok && strings.Count(host, ":") == 1 {
		host = name
	}
	return strings.TrimSuffix(host, ".")
}
