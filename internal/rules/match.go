package rules

import (
	"net/netip"
	"slices"
	"strings"
)

// Field is a field of Match. They are asked in this order: what costs little
// comes first.
type Field uint8

const (
	FieldMethod Field = iota
	FieldPath
	FieldHost
	FieldClient
	FieldBot
	FieldUserAgent
	FieldHeader
	FieldPathRegex
	FieldQuery
	FieldSession
	fieldCount
)

// String is the key in the configuration.
func (f Field) String() string {
	return [...]string{"method", "path", "host", "client", "bot", "user_agent", "header", "path_regex", "query", "session"}[f]
}

// says reports whether a match has something to say about a field. An empty
// list has: it is a mistake, and matches nothing.
func (m *Match) says(field Field) bool {
	switch field {
	case FieldMethod:
		return m.Method != nil
	case FieldPath:
		return m.Path != nil
	case FieldHost:
		return m.Host != nil
	case FieldClient:
		return m.Client != nil
	case FieldBot:
		return m.Bot != nil
	case FieldUserAgent:
		return m.UserAgent != nil
	case FieldHeader:
		return m.Header != nil
	case FieldPathRegex:
		return m.PathRegex != nil
	case FieldQuery:
		return m.Query != nil
	case FieldSession:
		return m.Session != nil
	}
	return false
}

func (m *Match) isEmpty() bool {
	for field := range fieldCount {
		if m.says(field) {
			return false
		}
	}
	return true
}

// compiled is one rule. Only what stands in fields is asked.
type compiled struct {
	policy Policy
	match  *Match // as written, for explanations
	fields []Field

	method    []string
	path      []*glob
	host      []*glob
	client    []netip.Prefix
	bot       bool
	userAgent []*glob
	header    []headerValue
	pathRegex []*pathRegex
	query     []argument
	session   bool
	source    uint // number of the pair of cookie and header that session is about
}

func (c *compiled) matches(f *facts) bool {
	for _, field := range c.fields {
		if !c.holds(field, f) {
			return false
		}
	}
	return true
}

// holds reports whether one field of the match holds.
func (c *compiled) holds(field Field, f *facts) bool {
	r := f.request
	switch field {
	case FieldMethod:
		return c.takesMethod(f)
	case FieldPath:
		return takesPath(c, c.path, r)
	case FieldHost:
		return anyGlob(c.host, f.hostName())
	case FieldClient:
		return slices.ContainsFunc(c.client, func(p netip.Prefix) bool { return p.Contains(r.Client) })
	case FieldBot:
		return f.isBot() == c.bot
	case FieldUserAgent:
		return anyGlob(c.userAgent, f.lowerAgent())
	case FieldHeader:
		return c.hasHeader(f)
	case FieldPathRegex:
		return takesPath(c, c.pathRegex, r)
	case FieldQuery:
		return c.hasArgument(f)
	case FieldSession:
		return f.hasSession(c) == c.session
	}
	return false
}

// takesPath: a path with dot segments is another one to applications that route by
// REQUEST_URI, as it was sent, than to file systems and servers over HTTP, and one
// that leads through an index script is another one where there is a script of
// another name. A rule that rejects holds where one reading matches, one that
// takes the lock away where all do, and others go by what it resolves to.
func takesPath[T pathEntry](c *compiled, list []T, r *Request) bool {
	switch {
	case c.policy.Reject:
		one := func(p Reading) bool { return anyPath(list, p) || p.AsSent != "" && holdsForAny(list, p.AsSent) }
		return one(r.reading()) || slices.ContainsFunc(r.Others, one)
	case c.policy.Lock != Exclusive:
		not := func(p Reading) bool { return !anyPath(list, p) || p.AsSent != "" && !holdsForAny(list, p.AsSent) }
		return !not(r.reading()) && !slices.ContainsFunc(r.Others, not)
	}
	return anyPath(list, r.reading())
}

// pathEntry is a glob or an expression.
type pathEntry interface{ matchesPath(path string) bool }

func anyGlob[T string | []byte](globs []*glob, s T) bool {
	for _, g := range globs {
		if matches(g, s) {
			return true
		}
	}
	return false
}

// A script stands at one of the first places in a path at which one may end, for
// no folder is called x.php, and is no longer than Linux lets a path be. Without
// these bounds one request could have each expression run over 16 texts of 8 KiB.
const (
	maxScripts = 4
	maxScript  = 4 << 10
)

// anyPath matches the whole path and, with PathInfo, the folder's index and what
// is before each "/" that follows ".php": one of them is the script that will
// run.
func anyPath[T pathEntry](list []T, r Reading) bool {
	if holdsForAny(list, r.Path) {
		return true
	}
	if !r.PathInfo {
		return false
	}
	if len(r.Path) < maxScript && strings.HasSuffix(r.Path, "/") && holdsForAny(list, r.Path+"index.php") {
		return true
	}
	for at, n := 0, 0; n < maxScripts; n++ {
		i := strings.Index(r.Path[at:], ".php/")
		if i < 0 || at+i+len(".php") > maxScript {
			return false
		}
		at += i + len(".php")
		if holdsForAny(list, r.Path[:at]) {
			return true
		}
	}
	return false
}

func holdsForAny[T pathEntry](list []T, path string) bool {
	for _, entry := range list {
		if entry.matchesPath(path) {
			return true
		}
	}
	return false
}

func (g *glob) matchesPath(path string) bool { return matches(g, path) }

// headerValue is one compiled entry of Match.Header.
type headerValue struct {
	name  string // canonical
	value *glob
}

func (c *compiled) hasHeader(f *facts) bool {
	for i := range c.header {
		if value, sent := f.header(c.header[i].name); sent && matches(c.header[i].value, value) {
			return true
		}
	}
	return false
}
