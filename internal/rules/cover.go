package rules

import (
	"net/netip"
	"slices"
)

// covers reports whether every request that late matches is matched by early,
// as far as the rules' text tells: each field of the earlier rule must hold
// wherever that field of the later one holds. It errs to the safe side: where
// it is true the later rule never matches, where it is false it may be so all
// the same, as when two earlier rules together leave nothing.
//
// Behind a refusal that is not enforced the later rules decide.
func covers(early, late *compiled) bool {
	if early.policy.Reject && early.policy.Shadow {
		return false
	}
	for _, field := range early.fields {
		if !coversField(field, early, late) {
			return false
		}
	}
	return true
}

func coversField(field Field, early, late *compiled) bool {
	said := slices.Contains(late.fields, field)
	// A rule that rejects holds where one of several readings does, another where
	// all of them do.
	reading := early.policy.Reject || !late.policy.Reject
	switch field {
	case FieldMethod:
		return said && reading && within(late.method, early.method, same)
	case FieldPath:
		return coversGlobs(pathGlob, early.path, late.path)
	case FieldHost:
		return coversGlobs(foldedGlob, early.host, late.host)
	case FieldUserAgent:
		return coversGlobs(foldedGlob, early.userAgent, late.userAgent)
	case FieldClient:
		return said && within(late.client, early.client, func(l, e netip.Prefix) bool { return e.Bits() <= l.Bits() && e.Contains(l.Addr()) })
	case FieldBot:
		return said && early.bot == late.bot
	case FieldHeader:
		return said && within(late.header, early.header, func(l, e headerValue) bool { return e.name == l.name && e.value.covers(l.value) })
	case FieldPathRegex:
		return coversRegexes(early, late, reading)
	case FieldQuery:
		return said && reading && within(late.query, early.query, func(l, e argument) bool {
			return e.name == l.name && (e.any || !l.any && e.value.covers(l.value))
		})
	case FieldSession:
		return said && early.session == late.session && early.source == late.source
	}
	return false
}

// within reports whether each entry of a list has one in the wider list that
// covers it. An empty list is a mistake of its own.
func within[T any](list, wider []T, covered func(entry, by T) bool) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(entry T) bool {
		return !slices.ContainsFunc(wider, func(by T) bool { return covered(entry, by) })
	})
}

func same(a, b string) bool { return a == b }

func coversGlobs(kind globKind, early, late []*glob) bool {
	if slices.ContainsFunc(early, func(g *glob) bool { return g.catchAll(kind) }) {
		return true
	}
	return within(late, early, func(l, e *glob) bool { return e.covers(l) })
}

// coversRegexes compares expressions as they are written, and tries them on
// paths that the later rule gives whole.
func coversRegexes(early, late *compiled, reading bool) bool {
	if slices.ContainsFunc(early.pathRegex, func(p *pathRegex) bool { return p.all }) {
		return true
	}
	if reading && within(late.match.PathRegex, early.match.PathRegex, same) {
		return true
	}
	return len(late.path) > 0 && !slices.ContainsFunc(late.path, func(g *glob) bool {
		return !g.exact || !holdsForAny(early.pathRegex, g.prefix)
	})
}

// covers reports whether every text that matches the other glob matches this
// one. It goes over the tokens of the other as if they were a text, in which a
// wildcard is a character that only a wildcard of as wide a reach matches.
func (g *glob) covers(other *glob) bool {
	reached := make([]bool, len(g.tokens)+1) // places in g that the tokens so far lead to
	reached[0] = true
	g.skipStars(reached)
	for _, t := range other.tokens {
		next := make([]bool, len(reached))
		for i, here := range reached {
			if !here || i == len(g.tokens) {
				continue
			}
			switch own := g.tokens[i]; {
			case own.star && (own.cross || !t.cross && t.char != '/'):
				next[i] = true
			case !own.star && !t.star && own.char == t.char:
				next[i+1] = true
			}
		}
		g.skipStars(next)
		reached = next
	}
	return reached[len(g.tokens)]
}

// skipStars: a wildcard may stand for nothing.
func (g *glob) skipStars(reached []bool) {
	for i, t := range g.tokens {
		if reached[i] && t.star {
			reached[i+1] = true
		}
	}
}
