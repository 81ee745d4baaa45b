package rules

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// Compile prepares rules for Decide. The error joins everything that is wrong,
// each with its place, such as rules[3].match.path[0].
func Compile(base Policy, rules []Rule) (*Set, error) {
	c := compiler{set: &Set{base: base}}
	for i := range rules {
		c.place = fmt.Sprintf("rules[%d]", i)
		c.rule(&rules[i])
	}
	c.findShadowed(rules)
	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}
	return c.set, nil
}

type compiler struct {
	set     *Set
	place   string // of what is being compiled
	sources []source
	errs    []error
}

type source struct{ cookie, header string }

func (c *compiler) fail(field, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s%s: %w", c.place, field, fmt.Errorf(format, args...)))
}

func (c *compiler) rule(r *Rule) {
	m := &r.Match
	if m.Host == nil && m.Path == nil && m.Method == nil && m.Query == nil && m.Session == nil {
		c.fail(".match", `is empty; a rule for every request says path: ["/**"]`)
	}
	policy := r.over(c.set.base)
	policy.Number = len(c.set.rules) + 1
	c.set.rules = append(c.set.rules, compiled{
		policy:  policy,
		method:  c.methods(m.Method),
		host:    c.globs(".match.host", m.Host, hostGlob, hostMistake),
		path:    c.globs(".match.path", m.Path, pathGlob, pathMistake),
		query:   c.arguments(m.Query),
		session: m.Session,
		source:  c.source(m.Session != nil, source{policy.Cookie, policy.Header}),
	})
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

func (c *compiler) globs(field string, patterns []string, kind globKind, mistake func(string) string) []*glob {
	c.notEmpty(field, patterns != nil, len(patterns))
	var globs []*glob
	for i, pattern := range patterns {
		place := fmt.Sprintf("%s[%d]", field, i)
		if text := mistake(pattern); text != "" {
			c.fail(place, "%q %s", pattern, text)
			continue
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
			name:  phpvar.Fold(entry.Name),
			value: value,
			any:   strings.Trim(entry.Value, "*") == "" && entry.Value != "",
		})
	}
	return arguments
}

func (c *compiler) notEmpty(field string, said bool, entries int) {
	if said && entries == 0 {
		c.fail(field, "is an empty list, which no request matches; leave it out to match all")
	}
}

func hostMistake(pattern string) string {
	switch {
	case pattern == "":
		return `matches no request; a name such as "*.example.com" is meant`
	case strings.Count(pattern, ":") == 1:
		return "matches no request: hosts are matched without their port"
	case strings.ContainsAny(pattern, "/ "):
		return "matches no request: a host has no slash and no space"
	}
	return ""
}

// pathMistake finds patterns that no normalised path can match.
func pathMistake(pattern string) string {
	switch {
	case pattern == "" || pattern[0] != '/' && pattern[0] != '*':
		return `matches no request: a path begins with "/"`
	case strings.Contains(pattern, "//"):
		return "matches no request: repeated slashes are made one before rules are asked"
	case strings.Contains(pattern+"/", "/./"), strings.Contains(pattern+"/", "/../"):
		return `matches no request: "." and ".." are resolved before rules are asked`
	case hasEscape(pattern):
		return `is percent-encoded: paths are decoded before rules are asked; write the character itself, or "\%" for a percent sign`
	}
	return ""
}

func hasEscape(pattern string) bool {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '%':
			if _, ok := phpvar.Escape(pattern[i:]); ok {
				return true
			}
		}
	}
	return false
}

func argumentMistake(name string) string {
	switch {
	case strings.Trim(name, " ") == "" || name[0] == ' ':
		return "names no argument: PHP drops spaces before a name"
	case strings.ContainsAny(name, "=&[]\x00"):
		return `names no argument: "=", "&" and brackets cannot stand in a name; an array is named without its brackets`
	}
	return ""
}
