package rules

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// Verdict is what became of one rule that was asked.
type Verdict struct {
	Rule    string
	Matches bool
	Misses  []Miss // the fields that did not hold
}

// Miss is a field of a match that did not hold.
type Miss struct {
	Field Field
	Want  []string // what the rule asks for: one of these
	Found string   // what the request has
}

// Explain decides as Decide does, and as Behind does after a rule that would
// have refused the request and is not enforced. It says what became of each rule
// up to the one that decided, in their order. Of a rule that did not match it
// tells every field that did not hold, where Decide stops at the first.
func (s *Set) Explain(r *Request) (*Policy, []Verdict) {
	facts := s.facts(r)
	defer facts.done()
	var verdicts []Verdict
	for i := range s.rules {
		rule := &s.rules[i]
		if !rule.matches(&facts) {
			verdicts = append(verdicts, Verdict{Rule: rule.policy.Rule, Misses: rule.misses(&facts)})
			continue
		}
		verdicts = append(verdicts, Verdict{Rule: rule.policy.Rule, Matches: true})
		if !rule.policy.Reject || !rule.policy.Shadow {
			return &rule.policy, verdicts
		}
	}
	return &s.base, verdicts
}

func (c *compiled) misses(f *facts) []Miss {
	var list []Miss
	for _, field := range c.fields {
		if !c.holds(field, f) {
			list = append(list, Miss{Field: field, Want: c.wanted(field), Found: c.found(field, f)})
		}
	}
	return list
}

// wanted is the field as it is written.
func (c *compiled) wanted(field Field) []string {
	m := c.match
	switch field {
	case FieldMethod:
		return m.Method
	case FieldPath:
		return m.Path
	case FieldHost:
		return m.Host
	case FieldClient:
		return texts(m.Client, netip.Prefix.String)
	case FieldBot:
		return []string{crawlerWord(c.bot)}
	case FieldUserAgent:
		return texts(m.UserAgent, orNone)
	case FieldHeader:
		return texts(m.Header, func(h NameValue) string { return h.Name + ": " + h.Value })
	case FieldPathRegex:
		return m.PathRegex
	case FieldQuery:
		return texts(m.Query, func(q NameValue) string { return q.Name + "=" + q.Value })
	case FieldSession:
		return []string{c.sessionWord(c.session)}
	}
	return nil
}

func texts[T any](list []T, text func(T) string) []string {
	out := make([]string, len(list))
	for i, entry := range list {
		out[i] = text(entry)
	}
	return out
}

// found is what the request has there.
func (c *compiled) found(field Field, f *facts) string {
	switch field {
	case FieldMethod:
		return strings.Join(append([]string{f.request.Method}, f.otherMethods()...), ", overridden as ")
	case FieldPath, FieldPathRegex:
		return f.request.paths()
	case FieldHost:
		return orNone(f.hostName())
	case FieldClient:
		if !f.request.Client.IsValid() {
			return "none"
		}
		return f.request.Client.String()
	case FieldBot:
		return crawlerWord(f.isBot())
	case FieldUserAgent:
		return orNone(f.userAgent())
	case FieldHeader:
		return strings.Join(texts(c.header, f.headerAsSent), "; ")
	case FieldQuery:
		return strings.Join(texts(c.query, f.argumentAsSent), "; ")
	case FieldSession:
		return c.sessionWord(f.hasSession(c))
	}
	return ""
}

// paths are all readings of the path.
func (r *Request) paths() string {
	text := r.reading().text()
	for _, other := range r.Others {
		text += "; behind another index_script " + other.text()
	}
	return text
}

func (r Reading) text() string {
	if r.AsSent != "" {
		return r.Path + ", sent as " + r.AsSent
	}
	return r.Path
}

func (f *facts) headerAsSent(h headerValue) string {
	value, sent := f.header(h.name)
	if !sent {
		return "no " + h.name
	}
	return h.name + ": " + value
}

func (f *facts) argumentAsSent(a argument) string {
	q := f.arguments()
	if q == nil {
		return "no " + a.name
	}
	switch last := q.byDefault(a.number); last.found {
	case phpvar.Plain:
		return a.name + "=" + string(q.decode(last))
	case phpvar.Array:
		return a.name + " is an array"
	default:
		return "no " + a.name
	}
}

func (c *compiled) sessionWord(has bool) string {
	where := "cookie " + c.policy.Cookie
	switch {
	case c.policy.Header != "" && c.policy.Cookie != "":
		where = "header " + c.policy.Header + " or " + where
	case c.policy.Header != "":
		where = "header " + c.policy.Header
	}
	if has {
		return fmt.Sprintf("a session (%s)", where)
	}
	return fmt.Sprintf("no session (%s)", where)
}

func crawlerWord(bot bool) string {
	if bot {
		return "a known crawler"
	}
	return "no known crawler"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
