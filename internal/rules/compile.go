package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"regexp/syntax"
	"strings"

	"github.com/sessiongate/sessiongate/internal/botua"
	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// Compile prepares rules for Decide. The error joins everything that is wrong,
// each with its place, such as rules[3].match.path[0].
func Compile(base Policy, rules []Rule) (*Set, error) {
	c := compiler{set: &Set{base: base}}
	for i := range rules {
		c.place = fmt.Sprintf("rules[%d]", i)
		before := len(c.errs)
		c.rule(&rules[i])
		c.broken = append(c.broken, len(c.errs) > before)
	}
	c.findShadowed()
	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}
	return c.set, nil
}

type compiler struct {
	set     *Set
	place   string // of what is being compiled
	sources []source
	broken  []bool // by rule: it could not be compiled whole
	errs    []error
}

type source struct{ cookie, header string }

func (c *compiler) fail(field, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s%s: %w", c.place, field, fmt.Errorf(format, args...)))
}

func (c *compiler) rule(r *Rule) {
	m := &r.Match
	if m.isEmpty() {
		c.fail(".match", `is empty; a rule for every request says path: ["/**"]`)
	}
	policy := r.over(c.set.base)
	policy.Number = len(c.set.rules) + 1
	out := compiled{
		policy:    policy,
		match:     m,
		method:    c.methods(m.Method),
		path:      c.globs(".match.path", m.Path, pathGlob, pathMistake),
		host:      c.globs(".match.host", m.Host, foldedGlob, hostMistake),
		client:    c.networks(m.Client),
		bot:       m.Bot != nil && *m.Bot,
		userAgent: c.globs(".match.user_agent", m.UserAgent, foldedGlob, nil),
		header:    c.headers(m.Header),
		pathRegex: c.pathRegexes(m.PathRegex, policy.Reject),
		query:     c.arguments(m.Query),
		session:   m.Session != nil && *m.Session,
		source:    c.source(m.Session != nil, source{policy.Cookie, policy.Header}),
	}
	for field := range fieldCount {
		if m.says(field) {
			out.fields = append(out.fields, field)
		}
	}
	if m.Bot != nil && c.set.bots == nil {
		c.set.bots = botua.New()
	}
	c.set.rules = append(c.set.rules, out)
}

// source numbers the pairs of cookie and header that rules ask for. A shift by
// 64 or more gives no bit, so answers about those pairs are not remembered.
func (c *compiler) source(asks bool, s source) uint {
	if !asks {
		return 0
	}
	for i, known := range c.sources {
		if known == s {
			return uint(i)
		}
	}
	c.sources = append(c.sources, s)
	return uint(len(c.sources) - 1)
}

func (c *compiler) methods(methods []string) []string {
	c.set.names.number(overrideArgument)
	c.notEmpty(".match.method", methods != nil, len(methods))
	for i, m := range methods {
		field := fmt.Sprintf(".match.method[%d]", i)
		switch {
		case m == "":
			c.fail(field, "is empty; a method is meant, such as GET")
		case m != strings.ToUpper(m):
			c.fail(field, "%q: methods have a case: write %s", m, strings.ToUpper(m))
		case strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "":
			c.fail(field, "%q is not a method; one of the kind of GET is meant", m)
		}
	}
	return methods
}

// globs compiles a list. mistake, if any, finds what can be compiled and
// matches nothing.
func (c *compiler) globs(field string, patterns []string, kind globKind, mistake func(string) string) []*glob {
	c.notEmpty(field, patterns != nil, len(patterns))
	var globs []*glob
	for i, pattern := range patterns {
		place := fmt.Sprintf("%s[%d]", field, i)
		if mistake != nil {
			if text := mistake(pattern); text != "" {
				c.fail(place, "%q %s", pattern, text)
				continue
			}
		}
		g, err := compileGlob(pattern, kind)
		if err != nil {
			c.fail(place, "%q: %w", pattern, err)
			continue
		}
		globs = append(globs, g)
	}
	return globs
}

func (c *compiler) pathRegexes(exprs []string, rejects bool) []*pathRegex {
	c.notEmpty(".match.path_regex", exprs != nil, len(exprs))
	var list []*pathRegex
	for i, expr := range exprs {
		p, err := compilePathRegex(expr, rejects)
		switch place := fmt.Sprintf(".match.path_regex[%d]", i); {
		case err != nil:
			c.fail(place, "%q is no RE2 expression: %s", expr, reasonOf(err))
			continue
		case p.never:
			c.fail(place, `%q matches no request: a path begins with "/", and an expression must match all of it, as in ".*\.html"`, expr)
		}
		list = append(list, p)
	}
	return list
}

// reasonOf is what regexp/syntax says, without repeating the expression.
func reasonOf(err error) string {
	var syntaxError *syntax.Error
	if !errors.As(err, &syntaxError) {
		return err.Error()
	}
	if syntaxError.Expr == "" {
		return syntaxError.Code.String()
	}
	return fmt.Sprintf("%s at %q", syntaxError.Code, syntaxError.Expr)
}

func (c *compiler) networks(prefixes []netip.Prefix) []netip.Prefix {
	c.notEmpty(".match.client", prefixes != nil, len(prefixes))
	var networks []netip.Prefix
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= 96 { // clients' addresses are unmapped, too
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		networks = append(networks, p)
	}
	return networks
}

func (c *compiler) headers(entries []NameValue) []headerValue {
	c.notEmpty(".match.header", entries != nil, len(entries))
	var headers []headerValue
	for i, entry := range entries {
		field := fmt.Sprintf(".match.header[%d]", i)
		if text := headerMistake(entry.Name); text != "" {
			c.fail(field+".name", "%q %s", entry.Name, text)
		}
		value, err := compileGlob(entry.Value, textGlob)
		if err != nil {
			c.fail(field+".value", "%q: %w", entry.Value, err)
			continue
		}
		headers = append(headers, headerValue{name: textproto.CanonicalMIMEHeaderKey(entry.Name), value: value})
	}
	return headers
}

func (c *compiler) arguments(entries []NameValue) []argument {
	c.notEmpty(".match.query", entries != nil, len(entries))
	var arguments []argument
	for i, entry := range entries {
		field := fmt.Sprintf(".match.query[%d]", i)
		if text := argumentMistake(entry.Name); text != "" {
			c.fail(field+".name", "%q %s", entry.Name, text)
		}
		value, err := compileGlob(entry.Value, textGlob)
		if err != nil {
			c.fail(field+".value", "%q: %w", entry.Value, err)
			continue
		}
		arguments = append(arguments, argument{
			name:   phpvar.Fold(entry.Name),
			number: c.set.names.number(phpvar.Fold(entry.Name)),
			value:  value,
			any:    value.catchAll(textGlob),
		})
	}
	return arguments
}

func (c *compiler) notEmpty(field string, said bool, entries int) {
	if said && entries == 0 {
		c.fail(field, "is an empty list, which no request matches; leave it out to match all")
	}
}
