package rules

import (
	"strings"
	"testing"
)

func TestGlobs(t *testing.T) {
	tests := []struct {
		kind    globKind
		pattern string
		yes, no []string
	}{
		{pathGlob, "/cart", []string{"/cart"}, []string{"/cart/", "/Cart", "/car", "/cartx"}},
		{pathGlob, "/static/**", []string{"/static/", "/static/a", "/static/a/b"}, []string{"/static", "/statics/a", "/x/static/a"}},
		{pathGlob, "/static/*", []string{"/static/", "/static/a"}, []string{"/static/a/b", "/static"}},
		{pathGlob, "/**.css", []string{"/a.css", "/a/b.css", "/.css"}, []string{"/a.cssx", "/a.js"}},
		{pathGlob, "/*.css", []string{"/a.css"}, []string{"/a/b.css"}},
		{pathGlob, "/*/x/**/y", []string{"/a/x/b/y", "/a/x/b/c/y", "/a/x//y"}, []string{"/a/x/y", "/a/b/x/c/y"}},
		{pathGlob, "/a*b*c", []string{"/abc", "/a1b2c", "/abbcc"}, []string{"/a/bc", "/ab", "/acb"}},
		{pathGlob, "/a***b", []string{"/ab", "/a/b"}, []string{"/a"}},
		{pathGlob, `/a\*b\\`, []string{`/a*b\`}, []string{"/axb"}},
		{pathGlob, "**", []string{"/", "/a/b"}, nil},
		{textGlob, "get_*", []string{"get_", "get_a/b"}, []string{"xget_", "get"}},
		{textGlob, "", []string{""}, []string{"a"}},
		{textGlob, "*a*b*", []string{"ab", "xaxbx"}, []string{"ba", "a"}},
		{textGlob, "ab*ba", []string{"abba", "abxba"}, []string{"aba"}},
		{textGlob, "*ab*abc*", []string{"ababc", "abxabc"}, []string{"abc", "aabbc"}},
		{foldedGlob, "*.Shop.example", []string{"www.shop.example", "a.b.shop.example"}, []string{"shop.example", "www.shop.example.org"}},
		{foldedGlob, "w*W*x", []string{"wwx", "www.x"}, []string{"wx"}},
	}
	for _, tt := range tests {
		g, err := compileGlob(tt.pattern, tt.kind)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		for _, s := range tt.yes {
			if !matches(g, s) || !matches(g, []byte(s)) {
				t.Errorf("%q does not match %q", tt.pattern, s)
			}
		}
		for _, s := range tt.no {
			if matches(g, s) || matches(g, []byte(s)) {
				t.Errorf("%q matches %q", tt.pattern, s)
			}
		}
	}
}

func TestLongMiddleIsRefused(t *testing.T) {
	if _, err := compileGlob("/*"+strings.Repeat("a", maxMiddle)+"*", pathGlob); err != nil {
		t.Errorf("%d characters: %v", maxMiddle, err)
	}
	if _, err := compileGlob("/*"+strings.Repeat("a", maxMiddle+1)+"*", pathGlob); err == nil {
		t.Errorf("%d characters are accepted", maxMiddle+1)
	}
	if _, err := compileGlob("/**"+strings.Repeat("a", maxMiddle+1)+"**", pathGlob); err != nil {
		t.Errorf("%d characters between wildcards that cross slashes: %v", maxMiddle+1, err)
	}
}

// matchTokens is the obvious matcher, with all its backtracking.
func matchTokens(tokens []token, s string) bool {
	if len(tokens) == 0 {
		return s == ""
	}
	first := tokens[0]
	if !first.star {
		return s != "" && s[0] == first.char && matchTokens(tokens[1:], s[1:])
	}
	for i := 0; ; i++ {
		if matchTokens(tokens[1:], s[i:]) {
			return true
		}
		if i == len(s) || s[i] == '/' && !first.cross {
			return false
		}
	}
}

func FuzzGlobIsWhatTheObviousMatcherSays(f *testing.F) {
	f.Add("/a*b**c", "/axb/c", uint8(1))
	f.Add("*a*aa*", "aaaa", uint8(0))
	f.Add(`*.X\*`, "w.x*", uint8(2))
	f.Fuzz(func(t *testing.T, pattern, text string, kindByte uint8) {
		kind := globKind(kindByte % 3)
		if len(pattern) > 20 || len(text) > 30 || strings.Count(pattern, "*") > 6 {
			return // the obvious matcher takes for ever
		}
		g, err := compileGlob(pattern, kind)
		if err != nil {
			return
		}
		tokens, err := parseGlob(pattern, kind)
		if err != nil {
			t.Fatal(err)
		}
		if kind == foldedGlob {
			text = string(appendLower(nil, text))
		}
		want := matchTokens(tokens, text)
		if got := matches(g, text); got != want || matches(g, []byte(text)) != want {
			t.Errorf("glob %q (kind %d) on %q: %v, want %v", pattern, kind, text, got, want)
		}
	})
}

// BenchmarkGlobHostile is the pattern that makes a backtracking matcher go over
// the text again and again.
func BenchmarkGlobHostile(b *testing.B) {
	g, err := compileGlob("/**a*a*a*a*b", pathGlob)
	if err != nil {
		b.Fatal(err)
	}
	text := "/" + strings.Repeat("a", 8<<10) + "cb"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		matches(g, text)
	}
}
