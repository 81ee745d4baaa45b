package rules

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

func TestGlobsThatCoverOthers(t *testing.T) {
	for _, tt := range []struct {
		kind  globKind
		glob  string
		yes   []string
		notSo []string
	}{
		{pathGlob, "/shop/**", []string{"/shop/**", "/shop/", "/shop/a/b", "/shop/*", "/shop/list/*", "/shop/**/x"}, []string{"/shop", "/shop*", "/*/a", "/**"}},
		{pathGlob, "/*.css", []string{"/a.css", "/a*.css", "/*x.css"}, []string{"/a/b.css", "/**.css", "/*.cs"}},
		{pathGlob, "/**/x/**", []string{"/a/x/b", "/a/x/x/**", "/*/x/*"}, []string{"/x/b", "/a/*/b"}},
		{pathGlob, `/a\*`, []string{`/a\*`}, []string{"/a*", "/ab"}},
		{textGlob, "*a*b*", []string{"ab", "*ab*", "*a*b*", "xaxbx", "*a*b"}, []string{"*a*", "ba*"}},
		{foldedGlob, "*Bot*", []string{"googlebot", "*BOT*"}, []string{"*bo*"}},
	} {
		wide, err := compileGlob(tt.glob, tt.kind)
		if err != nil {
			t.Fatal(err)
		}
		for want, list := range map[bool][]string{true: tt.yes, false: tt.notSo} {
			for _, pattern := range list {
				narrow, err := compileGlob(pattern, tt.kind)
				if err != nil {
					t.Fatal(err)
				}
				if got := wide.covers(narrow); got != want {
					t.Errorf("%q covers %q: %v", tt.glob, pattern, got)
				}
			}
		}
	}
}

// dice throws rules and requests from few words, so that they often meet.
type dice struct{ *rand.Rand }

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

// some is a list, or nothing.
func some[T any](d dice, odds int, one func() T) []T {
	if d.IntN(odds) > 0 {
		return nil
	}
	list := []T{one()}
	for d.IntN(2) == 0 {
		list = append(list, one())
	}
	return list
}

func (d dice) glob(first string) string {
	s := first
	for range d.IntN(4) {
		s += pick(d, "a", "b", "/b", "*", "**", "/*")
	}
	return s
}

func (d dice) pair(names ...string) func() NameValue {
	return func() NameValue { return NameValue{pick(d, names...), pick(d, "*", "a", "a*", "*b", "b", "")} }
}

func (d dice) flag() *bool { return pick(d, nil, nil, nil, ptr(true), ptr(false)) }

func (d dice) rule() Rule {
	r := Rule{Name: "r", Match: Match{
		Path:      some(d, 2, func() string { return d.glob("/") }),
		PathRegex: some(d, 5, func() string { return pick(d, ".*", "/a.*", "/a", "^/[ab]+$", "/a|/b") }),
		Method:    some(d, 3, func() string { return pick(d, "GET", "POST", "PUT") }),
		Host:      some(d, 5, func() string { return d.glob("") + "x" }),
		UserAgent: some(d, 5, func() string { return d.glob("") }),
		Header:    some(d, 5, d.pair("X-A", "x-a", "X-B")),
		Query:     some(d, 5, d.pair("q.a", "q_a", "b")),
		Client: some(d, 5, func() netip.Prefix {
			return pick(d, netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("::ffff:10.0.0.0/104"), netip.MustParsePrefix("2001:db8::/32"))
		}),
		Bot: d.flag(), Session: d.flag(),
	}}
	if d.IntN(4) == 0 {
		r.Cookie = ptr("OTHER")
	}
	if d.IntN(4) == 0 {
		r.Reject = ptr(true)
	}
	return r
}

func (d dice) path() string {
	path := "/"
	for range d.IntN(5) {
		path += pick(d, "a", "b", "/b", "a.php/a")
	}
	if d.IntN(20) == 0 {
		path += strings.Repeat("a", maxRegexPath)
	}
	path, err := NormalizePath(path, "")
	if err != nil {
		panic(err)
	}
	return path
}

func (d dice) request() Request {
	headers := map[string][]string{"User-Agent": {pick(d, "", "Googlebot/1", "a", "aB", "ab/b")}}
	for _, name := range []string{"X-A", "X-B", "X-Http-Method-Override"} {
		if d.IntN(3) == 0 {
			headers[name] = pick(d, []string{"a"}, []string{""}, []string{"b", "a"}, []string{"POST"}, []string{"put"})
		}
	}
	session := pick(d, "PHPSESSID", "OTHER", "")
	return Request{
		Host: pick(d, "x", "ax", "abx:80", ""), Path: d.path(), Method: pick(d, "GET", "POST", "PUT"), PathInfo: d.IntN(2) == 0,
		RawQuery:   pick(d, "", "q.a=a", "q%5fa=b&b=a", "b[]=a", "q_a", "_method=POST", "b=a&_method[]=x"),
		Client:     pick(d, netip.Addr{}, netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("10.2.2.3"), netip.MustParseAddr("2001:db8::1")),
		Header:     func(name string) []string { return headers[name] },
		HasSession: func(cookie, _ string) bool { return cookie == session },
	}
}

// TestNoRuleIsAccusedFalsely throws pairs of rules. Where the earlier one is
// said to cover the later one, no request may match the later one alone.
func TestNoRuleIsAccusedFalsely(t *testing.T) {
	seed := rand.Uint64()
	d := dice{rand.New(rand.NewPCG(seed, 1))}
	covered, met := 0, 0
	for range 20000 {
		pair := []Rule{d.rule(), d.rule()}
		c := compiler{set: &Set{base: Policy{Cookie: "PHPSESSID"}}}
		for i := range pair {
			c.rule(&pair[i])
		}
		early, late := &c.set.rules[0], &c.set.rules[1]
		if pair[0].Match.isEmpty() || pair[1].Match.isEmpty() || len(c.errs) > 0 || !covers(early, late) {
			continue
		}
		covered++
		for range 40 {
			r := d.request()
			f := c.set.facts(&r)
			if !late.matches(&f) {
				continue
			}
			met++
			if !early.matches(&f) {
				t.Fatalf("seed %d: %+v is said to cover %+v, but not for %s", seed, pair[0], pair[1], fmt.Sprintf("%+v", r))
			}
		}
	}
	if covered < 200 || met < 200 {
		t.Errorf("%d pairs, %d requests: too few to show anything", covered, met)
	}
}
