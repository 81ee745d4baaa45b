package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// findShadowed names the rules that can never match, because every request
// they match goes to an earlier rule. It sees that where each condition of the
// earlier rule is one of the later rule as well, or a wider list of the same
// words, or "**"; not where one glob only happens to cover another.
func (c *compiler) findShadowed(rules []Rule) {
	for i := range rules {
		for j := range i {
			if !c.covers(rules, j, i) {
				continue
			}
			c.place = fmt.Sprintf("rules[%d]", i)
			c.fail("", "%q can never match: rules[%d] %q, which stands before it, matches everything it does; put it before that rule or take it out",
				rules[i].Name, j, rules[j].Name)
			break
		}
	}
}

// covers is about rules that say something at all; others have their own error.
// Behind a refusal that is not enforced the later rules decide.
func (c *compiler) covers(rules []Rule, early, late int) bool {
	e, l := &rules[early].Match, &rules[late].Match
	if isEmpty(e) || isEmpty(l) {
		return false
	}
	if p := &c.set.rules[early].policy; p.Reject && p.Shadow {
		return false
	}
	sameSource := c.set.rules[early].source == c.set.rules[late].source
	return coversList(e.Method, l.Method) &&
		coversList(foldAll(e.Host), foldAll(l.Host)) &&
		coversList(e.Path, l.Path) &&
		coversQuery(e.Query, l.Query) &&
		(e.Session == nil || l.Session != nil && *e.Session == *l.Session && sameSource)
}

func isEmpty(m *Match) bool {
	return len(m.Host)+len(m.Path)+len(m.Method)+len(m.Query) == 0 && m.Session == nil
}

// coversList reports whether what matches late also matches early. An empty
// list matches nothing and is an error of its own.
func coversList(early, late []string) bool {
	if early == nil || slices.ContainsFunc(early, isCatchAll) {
		return true
	}
	return len(late) > 0 && !slices.ContainsFunc(late, func(entry string) bool {
		return !slices.Contains(early, entry)
	})
}

// isCatchAll holds for what matches every path, and every host.
func isCatchAll(pattern string) bool {
	return pattern == "**" || pattern == "/**"
}

func foldAll(hosts []string) []string {
	if hosts == nil {
		return nil
	}
	folded := make([]string, len(hosts))
	for i, host := range hosts {
		if folded[i] = strings.ToLower(host); folded[i] == "*" {
			folded[i] = "**" // in a host they are the same
		}
	}
	return folded
}

// coversQuery: an early entry for the same name covers a late one when it takes
// every value, or has the same glob.
func coversQuery(early, late []NameValue) bool {
	if early == nil {
		return true
	}
	return len(late) > 0 && !slices.ContainsFunc(late, func(l NameValue) bool {
		return !slices.ContainsFunc(early, func(e NameValue) bool {
			return phpvar.Fold(e.Name) == phpvar.Fold(l.Name) && (e.Value == "*" || e.Value == l.Value)
		})
	})
}
