package rules

import (
	"net/netip"
	"testing"
)

func TestErrorsSayWhereAndWhat(t *testing.T) {
	tests := []struct {
		name  string
		match Match
		want  string
	}{
		{"empty match", Match{}, `rules[1].match: is empty; a rule for every request says path: ["/**"]`},
		{"empty list", Match{Path: []string{}}, "rules[1].match.path: is an empty list, which no request matches; leave it out to match all"},
		{"bad glob", Match{Path: []string{"/a", "/[ab]"}}, `rules[1].match.path[1]: "/[ab]": '[' has no meaning in a glob: write "*", or "\\[" for the character itself`},
		{"glob ends in a backslash", Match{Path: []string{`/a\`}}, `rules[1].match.path[0]: "/a\\": ends in "\": a character must follow`},
		{"relative path", Match{Path: []string{"static/**"}}, `rules[1].match.path[0]: "static/**" matches no request: a path begins with "/"`},
		{"double slash", Match{Path: []string{"/a//b"}}, `rules[1].match.path[0]: "/a//b" matches no request: repeated slashes are made one before rules are asked`},
		{"dot segment", Match{Path: []string{"/a/.."}}, `rules[1].match.path[0]: "/a/.." matches no request: "." and ".." are resolved before rules are asked`},
		{"escaped path", Match{Path: []string{"/a%20b"}}, `rules[1].match.path[0]: "/a%20b" is percent-encoded: paths are decoded before rules are asked; write the character itself, or "\%" for a percent sign`},
		{"method in lower case", Match{Method: []string{"GET", "post"}}, `rules[1].match.method[1]: "post": methods have a case: write POST`},
		{"no method", Match{Method: []string{""}}, "rules[1].match.method[0]: is empty; a method is meant, such as GET"},
		{"not a method", Match{Method: []string{"GET,POST"}}, `rules[1].match.method[0]: "GET,POST" is not a method; one of the kind of GET is meant`},
		{"host with port", Match{Host: []string{"a.example:80"}}, `rules[1].match.host[0]: "a.example:80" matches no request: hosts are matched without their port`},
		{"host with path", Match{Host: []string{"a.example/b"}}, `rules[1].match.host[0]: "a.example/b" matches no request: a host has no slash and no space`},
		{"no host", Match{Host: []string{""}}, `rules[1].match.host[0]: "" matches no request; a name such as "*.example.com" is meant`},
		{"no argument name", Match{Query: []NameValue{{"", "*"}}}, `rules[1].match.query[0].name: "" names no argument: PHP drops spaces before a name`},
		{"array name", Match{Query: []NameValue{{"a[]", "*"}}}, `rules[1].match.query[0].name: "a[]" names no argument: "=", "&" and brackets cannot stand in a name; an array is named without its brackets`},
		{"bad expression", Match{PathRegex: []string{"/a", "/(b"}}, `rules[1].match.path_regex[1]: "/(b" is no RE2 expression: missing closing ) at "/(b"`},
		{"expression that only fits another", Match{PathRegex: []string{"a)(b"}}, `rules[1].match.path_regex[0]: "a)(b" is no RE2 expression: unexpected ) at "a)(b"`},
		{"expression with a look-ahead", Match{PathRegex: []string{"/(?!a)"}}, `rules[1].match.path_regex[0]: "/(?!a)" is no RE2 expression: invalid or unsupported Perl syntax at "(?!"`},
		{"expression that repeats too much", Match{PathRegex: []string{"/a{1001}"}}, `rules[1].match.path_regex[0]: "/a{1001}" is no RE2 expression: invalid repeat count at "{1001}"`},
		{"expression for a part", Match{PathRegex: []string{`\.html$`}}, `rules[1].match.path_regex[0]: "\\.html$" matches no request: a path begins with "/", and an expression must match all of it, as in ".*\.html"`},
		{"expression without text", Match{PathRegex: []string{""}}, `rules[1].match.path_regex[0]: "" matches no request: a path begins with "/", and an expression must match all of it, as in ".*\.html"`},
		{"expression without the slash, in any case", Match{PathRegex: []string{"/a", `(?i)admin/.*`}}, `rules[1].match.path_regex[1]: "(?i)admin/.*" matches no request: a path begins with "/", and an expression must match all of it, as in ".*\.html"`},
		{"expression for a name", Match{PathRegex: []string{`[a-z]+\.php|(index|x?)y*`}}, `rules[1].match.path_regex[0]: "[a-z]+\\.php|(index|x?)y*" matches no request: a path begins with "/", and an expression must match all of it, as in ".*\.html"`},
		{"no networks", Match{Client: []netip.Prefix{}}, "rules[1].match.client: is an empty list, which no request matches; leave it out to match all"},
		{"bad user agent", Match{UserAgent: []string{"a?"}}, `rules[1].match.user_agent[0]: "a?": '?' has no meaning in a glob: write "*", or "\\?" for the character itself`},
		{"no header name", Match{Header: []NameValue{{"", "*"}}}, `rules[1].match.header[0].name: "" names no header; one such as X-Requested-With is meant`},
		{"header Host", Match{Header: []NameValue{{"host", "a"}}}, `rules[1].match.header[0].name: "host" is matched by match.host, without its port and in any case`},
		{"bad header value", Match{Header: []NameValue{{"X-A", "["}}}, `rules[1].match.header[0].value: "[": '[' has no meaning in a glob: write "*", or "\\[" for the character itself`},
		{"bad value", Match{Query: []NameValue{{"a", "?"}}}, `rules[1].match.query[0].value: "?": '?' has no meaning in a glob: write "*", or "\\?" for the character itself`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile(Policy{}, []Rule{
				{Name: "good", Match: Match{Path: []string{"/good"}}},
				{Name: "bad", Match: tt.match},
			})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestAllErrorsAreReported(t *testing.T) {
	_, err := Compile(Policy{}, []Rule{
		{Name: "a", Match: Match{Method: []string{"get"}, Path: []string{"x"}}},
		{Name: "b"},
	})
	want := `rules[0].match.method[0]: "get": methods have a case: write GET
rules[0].match.path[0]: "x" matches no request: a path begins with "/"
rules[1].match: is empty; a rule for every request says path: ["/**"]`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestRulesThatNeverMatchAreNamed(t *testing.T) {
	yes, no := ptr(true), ptr(false)
	tests := []struct {
		name        string
		early, late Match
		shadowed    bool
	}{
		{"the same", Match{Path: []string{"/a"}}, Match{Path: []string{"/a"}}, true},
		{"one path of several", Match{Path: []string{"/a", "/b"}}, Match{Path: []string{"/b"}}, true},
		{"another path as well", Match{Path: []string{"/a"}}, Match{Path: []string{"/a", "/b"}}, false},
		{"catch-all", Match{Path: []string{"/**"}}, Match{Method: []string{"GET"}}, true},
		{"any host", Match{Host: []string{"*"}}, Match{Path: []string{"/a"}}, true},
		{"hosts in another case", Match{Host: []string{"A.example"}}, Match{Host: []string{"a.Example"}}, true},
		{"a wider early rule", Match{Method: []string{"GET", "POST"}}, Match{Method: []string{"GET"}, Path: []string{"/a"}}, true},
		{"a narrower early rule", Match{Method: []string{"GET"}, Path: []string{"/a"}}, Match{Method: []string{"GET"}}, false},
		{"session: the same", Match{Session: yes}, Match{Session: yes, Path: []string{"/a"}}, true},
		{"session: the opposite", Match{Session: yes}, Match{Session: no}, false},
		{"session: only early", Match{Session: yes}, Match{Path: []string{"/a"}}, false},
		{"query: any value", Match{Query: []NameValue{{"a.b", "*"}}}, Match{Query: []NameValue{{"a_b", "x"}}}, true},
		{"query: another value", Match{Query: []NameValue{{"a", "x"}}}, Match{Query: []NameValue{{"a", "y"}}}, false},
		{"a wider glob", Match{Path: []string{"/shop/**"}}, Match{Path: []string{"/shop/list/*"}, Session: yes}, true},
		{"a narrower glob", Match{Path: []string{"/shop/*"}}, Match{Path: []string{"/shop/**"}}, false},
		{"path_regex: the same", Match{PathRegex: []string{"/a.*"}}, Match{PathRegex: []string{"/a.*"}, Bot: yes}, true},
		{"path_regex: another", Match{PathRegex: []string{"/a.*"}}, Match{PathRegex: []string{"/ab.*"}}, false},
		{"path_regex: everything", Match{PathRegex: []string{"^.*$"}}, Match{Bot: yes}, true},
		{"path_regex: a plain path", Match{PathRegex: []string{"/a[0-9]"}}, Match{Path: []string{"/a1", "/a2"}}, true},
		{"path_regex: a path beside", Match{PathRegex: []string{"/a[0-9]"}}, Match{Path: []string{"/a1", "/ab"}}, false},
		{"user_agent: a wider glob", Match{UserAgent: []string{"*Bot*"}}, Match{UserAgent: []string{"googlebot*"}}, true},
		{"user_agent: any", Match{UserAgent: []string{"*"}}, Match{Bot: yes}, true},
		{"bot: the same", Match{Bot: yes}, Match{Bot: yes, Session: no}, true},
		{"bot: the opposite", Match{Bot: no}, Match{Bot: yes}, false},
		{"client: a wider network", Match{Client: nets("10.0.0.0/8", "2001:db8::/32")}, Match{Client: nets("10.1.0.0/16", "2001:db8:1::/48")}, true},
		{"client: mapped", Match{Client: nets("10.0.0.0/8")}, Match{Client: nets("::ffff:10.1.0.0/112")}, true},
		{"client: one more", Match{Client: nets("10.0.0.0/8")}, Match{Client: nets("10.1.0.0/16", "192.0.2.0/24")}, false},
		{"client: only early", Match{Client: nets("0.0.0.0/0", "::/0")}, Match{Path: []string{"/a"}}, false},
		{"header: a wider value", Match{Header: []NameValue{{"x-a", "a*"}}}, Match{Header: []NameValue{{"X-A", "ab"}}}, true},
		{"header: another case of value", Match{Header: []NameValue{{"X-A", "a"}}}, Match{Header: []NameValue{{"X-A", "A"}}}, false},
		{"query: an array is no text", Match{Query: []NameValue{{"a", "**a*"}}}, Match{Query: []NameValue{{"a", "*"}}}, false},
		{"query: another name", Match{Query: []NameValue{{"a", "*"}}}, Match{Query: []NameValue{{"b", "x"}}}, false},
	}
	const want = `rules[1]: "late" can never match: rules[0] "early", which stands before it, matches everything it does; put it before that rule or take it out`
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile(Policy{}, []Rule{{Name: "early", Match: tt.early}, {Name: "late", Match: tt.late}})
			switch {
			case !tt.shadowed && err != nil:
				t.Errorf("refused: %v", err)
			case tt.shadowed && (err == nil || err.Error() != want):
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func nets(list ...string) []netip.Prefix {
	var networks []netip.Prefix
	for _, s := range list {
		networks = append(networks, netip.MustParsePrefix(s))
	}
	return networks
}

// A rule that rejects holds for a request that names its method beside another;
// an earlier one that forwards does not.
func TestRulesThatForwardDoNotShadowThoseThatReject(t *testing.T) {
	_, err := Compile(Policy{}, []Rule{
		{Name: "a", Match: Match{Method: []string{"PUT", "DELETE"}}},
		{Name: "b", Match: Match{Method: []string{"DELETE"}}, Reject: ptr(true)},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestBrokenRulesAreNotAccusedOfShadowing(t *testing.T) {
	_, err := Compile(Policy{}, []Rule{{Name: "a", Match: Match{Path: []string{"/**", "x"}}}, {Name: "b", Match: Match{Path: []string{"/b"}}}})
	if want := `rules[0].match.path[1]: "x" matches no request: a path begins with "/"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSessionsOfOtherCookiesDoNotShadow(t *testing.T) {
	_, err := Compile(Policy{Cookie: "PHPSESSID"}, []Rule{
		{Name: "a", Match: Match{Session: ptr(true)}},
		{Name: "b", Match: Match{Session: ptr(true)}, Cookie: ptr("other")},
	})
	if err != nil {
		t.Error(err)
	}
}
