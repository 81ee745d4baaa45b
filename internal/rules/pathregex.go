package rules

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// pathRegex is an RE2 expression that must match a whole path, as a glob must:
// "/admin" alone would otherwise let /cart/admin past the lock too. Where it
// begins with plain text, that is compared first.
//
// An expression may cost 100 ns for each byte of a path, where globs cost one.
// It is asked about paths of up to 8 KiB, which is more than browsers and most
// servers take; of a longer one the safe view is taken: it counts as matched by
// a rule that rejects, and by no other.
type pathRegex struct {
	all     bool // .*
	never   bool // no path matches: none begins so
	rejects bool
	prefix  string
	re      *regexp.Regexp
}

const maxRegexPath = 8 << 10

// compilePathRegex lets "." match line ends: /admin%0a is a path, and must not
// slip past /admin.*.
func compilePathRegex(expr string, rejects bool) (*pathRegex, error) {
	parsed, err := syntax.Parse(expr, syntax.Perl) // alone first: "a)(b" is an error
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(`\A(?s:` + expr + `)\z`)
	if err != nil {
		return nil, err // too large with what is put around it
	}
	return &pathRegex{
		all:     strings.Trim(expr, "^$") == ".*",
		never:   !mayBeginPath(parsed),
		rejects: rejects,
		prefix:  prefixOf(parsed.Simplify()),
		re:      re,
	}, nil
}

func (p *pathRegex) matchesPath(path string) bool {
	switch {
	case p.all:
		return true
	case !strings.HasPrefix(path, p.prefix):
		return false
	case len(path) > maxRegexPath:
		return p.rejects
	}
	return p.re.MatchString(path)
}

// prefixOf is the plain text with which every match begins.
func prefixOf(re *syntax.Regexp) string {
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	for _, part := range parts {
		switch part.Op {
		case syntax.OpBeginText, syntax.OpBeginLine:
			continue
		case syntax.OpLiteral:
			if part.Flags&syntax.FoldCase != 0 || slices.Contains(part.Rune, utf8.RuneError) {
				return "" // the latter matches bytes that are no UTF-8, too
			}
			return string(part.Rune)
		default:
			return ""
		}
	}
	return ""
}
