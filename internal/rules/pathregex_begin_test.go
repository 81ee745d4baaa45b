package rules

import (
	"regexp/syntax"
	"testing"
)

// Only what can match no path may be refused.
func TestExpressionsThatMayMatchAPathBeginWithASlash(t *testing.T) {
	for _, expr := range []string{
		"/", "/.*", ".*", ".+", `\A/a\z`, "^/a$", `(?i)/Admin`, `(?m)^/a`, `\B/a`, "x?/a", "(a|/b)", "(x*)*/", `[^a]b`, `\W+`, `[[:punct:]]x`, `(?:)/`, `\x2fa`, `\Q/a\E`, ".{2,5}", `(?U)a*/`,
	} {
		parsed, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		if !mayBeginPath(parsed) {
			t.Errorf("%s is said to match no path", expr)
		}
	}
}
