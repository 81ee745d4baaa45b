package botua

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"
)

func mustParse(pattern string) *syntax.Regexp {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err)
	}
	return re.Simplify()
}

func TestNeededLiterals(t *testing.T) {
	for _, tt := range []struct{ pattern, want string }{
		{`Googlebot\/`, "exact Googlebot/"},
		{`^curl`, "exact ^curl"},
		{`SSL Labs$`, "exact SSL Labs$"},
		{`[wW]get`, "exact Wget wget"},
		{`(^| )PTST\/`, "exact ^PTST/  PTST/"},
		{`Ahrefs(Bot|SiteAudit)`, "exact AhrefsBot AhrefsSiteAudit"},
		{`Chirp|gotosocial`, "exact Chirp gotosocial"},
		{`bots?x`, "exact botsx botx"},
		{`AdsBot-Google([^-]|$)`, "AdsBot-Google"},
		{`Spider[\s\S]*spider\.com`, "spider.com"},
		{`BlogTraffic\/\w+ Feed`, "BlogTraffic/"},
		{`(abcd)+`, "abcd"},
		{`(abc.|defg.*)`, "abc defg"},
		{`(abc.|d.*)`, ""},
		{`a.b`, ""},
		{`ab`, ""},
		{`x$y`, ""},
		{`[a-z]{4}`, ""},
	} {
		list, exact := needed(mustParse(tt.pattern))
		var words []string
		if exact {
			words = append(words, "exact")
		}
		for _, l := range list {
			word := l.text
			if l.atStart {
				word = "^" + word
			}
			if l.atEnd {
				word += "$"
			}
			words = append(words, word)
		}
		if got := strings.Join(words, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.pattern, got, tt.want)
		}
	}
}

// FuzzNeededLiterals: where an expression matches one of its literals is there,
// and where it is exact the other way round.
func FuzzNeededLiterals(f *testing.F) {
	f.Add(`(^| )sentry\/`, "a sentry/1")
	f.Add(`Spider[\s\S]*spider\.com`, "Spider\nspider.com")
	f.Add(`(?i)kos[sS]`, "\u212ao\u017fs")
	f.Add(`(abc|de?f$|^[gh]ij)+k?`, "abcdfhij")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		ix, err := newIndex([]string{pattern})
		if err != nil || strings.ToValidUTF8(text, "") != text {
			return
		}
		if got, want := ix.matches(text), matchesAsItStands(pattern, text); got != want {
			t.Errorf("pattern %q on %q: %v, want %v (%s)", pattern, text, got, want, fmt.Sprint(ix.needles))
		}
	})
}

func matchesAsItStands(pattern, text string) bool {
	return regexp.MustCompile(pattern).MatchString(text)
}
