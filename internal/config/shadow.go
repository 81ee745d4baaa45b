package config

import (
	"net/netip"
	"slices"
	"strings"
)

// validateOrder names rules that never decide because an earlier one matches
// everything they match. It sees the plain cases: equal entries, globs that
// end in /**, networks within networks.
func validateOrder(r *report, rules []Rule) {
	for i := range rules {
		if isEmptyMatch(rules[i].Match) {
			continue
		}
		for j := range i {
			earlier, later := joinIndex("rules", j), joinIndex("rules", i)
			if !isEmptyMatch(rules[j].Match) && covers(rules[j].Match, rules[i].Match) {
				r.refuse(later, []string{earlier}, "can never match: %s comes before it and matches all that it matches; put this rule first", rules[j].name(j))
				break
			}
		}
	}
}

// covers tells whether every request that b matches is matched by a.
func covers(a, b Match) bool {
	return coversList(a.Host, b.Host, coversText) &&
		coversPaths(a.Path, b.Path) &&
		coversList(a.PathRegex, b.PathRegex, equal) &&
		coversList(a.Method, b.Method, equal) &&
		coversList(a.UserAgent, b.UserAgent, coversText) &&
		coversList(a.Client, b.Client, coversNetwork) &&
		coversList(a.Header, b.Header, coversPair) &&
		coversList(a.Query, b.Query, coversPair) &&
		coversFlag(a.Bot, b.Bot) &&
		coversFlag(a.Session, b.Session)
}

// coversList: a nil list holds for everything; else every entry of b must be
// covered by some entry of a.
func coversList[T any](a, b []T, covers func(a, b T) bool) bool {
	if a == nil {
		return true
	}
	if b == nil {
		return false
	}
	for _, entry := range b {
		if !slices.ContainsFunc(a, func(above T) bool { return covers(above, entry) }) {
			return false
		}
	}
	return true
}

// coversPaths knows that /** is every path.
func coversPaths(a, b []string) bool {
	return slices.Contains(a, "/**") || slices.Contains(a, "**") || coversList(a, b, coversPath)
}

func coversPath(a, b string) bool {
	prefix, ok := strings.CutSuffix(a, "**")
	return a == b || ok && isLiteral(prefix) && strings.HasPrefix(b, prefix)
}

func coversText(a, b string) bool { return a == b || a == "*" || a == "**" }

func coversPair(a, b NameValue) bool { return a.Name == b.Name && coversText(a.Value, b.Value) }

func coversNetwork(a, b netip.Prefix) bool { return a.Bits() <= b.Bits() && a.Contains(b.Addr()) }

func coversFlag(a, b *bool) bool { return a == nil || b != nil && *a == *b }

func isLiteral(glob string) bool { return !strings.ContainsAny(glob, `*?[]{}\`) }

func equal(a, b string) bool { return a == b }
