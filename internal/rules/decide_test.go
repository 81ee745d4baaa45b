package rules

import (
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func ptr[T any](v T) *T { return &v }

func mustCompile(t testing.TB, base Policy, rules ...Rule) *Set {
	t.Helper()
	s, err := Compile(base, rules)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFirstMatchingRuleDecides(t *testing.T) {
	s := mustCompile(t, Policy{Rule: "base"},
		Rule{Name: "assets", Match: Match{Path: []string{"/static/**", "/media/**"}, Method: []string{"GET", "HEAD"}}},
		Rule{Name: "shop", Match: Match{Host: []string{"*.Shop.example", "::1"}}},
		Rule{Name: "ajax", Match: Match{Query: []NameValue{{"wc-ajax", "get_*"}, {"x.y", "*"}}}},
		Rule{Name: "guest", Match: Match{Session: ptr(false), Method: []string{"GET"}}},
		Rule{Name: "admin", Match: Match{Path: []string{"/admin/*"}, Session: ptr(true)}},
	)
	tests := []struct {
		request Request
		session bool
		want    string
	}{
		{Request{Path: "/static/a.css", Method: "GET"}, true, "assets"},
		{Request{Path: "/media/a/b", Method: "HEAD"}, true, "assets"},
		{Request{Path: "/static/a.css", Method: "POST"}, true, "base"},
		{Request{Path: "/static", Method: "GET"}, true, "base"},
		{Request{Path: "/", Host: "www.shop.example:8080"}, true, "shop"},
		{Request{Path: "/", Host: "A.B.SHOP.EXAMPLE."}, true, "shop"},
		{Request{Path: "/", Host: "[::1]:80"}, true, "shop"},
		{Request{Path: "/", Host: "shop.example"}, true, "base"},
		{Request{Path: "/", RawQuery: "a=b&wc-ajax=get_cart"}, true, "ajax"},
		{Request{Path: "/", RawQuery: "wc-ajax=get_cart&wc-ajax=add"}, true, "base"},
		{Request{Path: "/", RawQuery: "x_y"}, true, "ajax"},
		{Request{Path: "/", Method: "GET"}, false, "guest"},
		{Request{Path: "/", Method: "POST"}, false, "base"},
		{Request{Path: "/admin/x", Method: "POST"}, true, "admin"},
		{Request{Path: "/admin/x/y", Method: "POST"}, true, "base"},
	}
	for _, tt := range tests {
		r := tt.request
		r.HasSession = func(string, string) bool { return tt.session }
		if got := s.Decide(&r).Rule; got != tt.want {
			t.Errorf("%+v with session %v: rule %q, want %q", tt.request, tt.session, got, tt.want)
		}
	}
}

func TestBehindARuleTheLaterOnesDecide(t *testing.T) {
	all := Match{Path: []string{"/**"}}
	s := mustCompile(t, Policy{Rule: "base", Limits: []string{"all"}},
		Rule{Name: "watched", Match: all, Reject: ptr(true), Shadow: ptr(true), Limits: []string{}},
		Rule{Name: "posts", Match: Match{Method: []string{"POST"}}, Shadow: ptr(false)},
	)
	for method, want := range map[string]string{"GET": "base", "POST": "posts"} {
		r := Request{Path: "/", Method: method}
		first := s.Decide(&r)
		if first.Rule != "watched" || !first.Shadow || first.Number != 1 || len(first.Limits) != 0 {
			t.Fatalf("%s: decided by %+v", method, first)
		}
		next := s.Behind(first, &r)
		if next.Rule != want || len(next.Limits) != 1 || s.Policies()[next.Number] != next {
			t.Errorf("%s: behind it decides %+v, want %s", method, next, want)
		}
		if last := s.Behind(s.Policies()[2], &r); last.Number != 0 {
			t.Errorf("%s: behind the last rule decides %+v", method, last)
		}
	}
}

func TestOnlyARefusalThatIsNotEnforcedLeavesTheLaterRulesSomething(t *testing.T) {
	all := Match{Path: []string{"/**"}}
	for _, tt := range []struct{ reject, shadow, covers bool }{
		{true, true, false}, {true, false, true}, {false, true, true},
	} {
		_, err := Compile(Policy{}, []Rule{{Name: "a", Match: all, Reject: &tt.reject, Shadow: &tt.shadow}, {Name: "b", Match: all}})
		if covers := err != nil; covers != tt.covers {
			t.Errorf("reject %v, shadow %v: %v", tt.reject, tt.shadow, err)
		}
	}
}

func TestRuleIsLaidOverBase(t *testing.T) {
	base := Policy{Rule: "base", Lock: Exclusive, MaxWaiting: 64, WaitTimeout: 20 * time.Second, Upstream: "php", Cookie: "PHPSESSID", ForwardOnTimeout: true, Unattended: true, RedirectOutdated: true}
	s := mustCompile(t, base,
		Rule{
			Name: "all", Match: Match{Path: []string{"/all"}},
			Lock: ptr(Barrier), RejectBusy: ptr(true), Reject: ptr(true), Status: ptr(429), Upstream: ptr("other"), Cookie: ptr("c"), Header: ptr("H"),
			LockGroup: ptr("g"), MaxWaiting: ptr(0), WaitTimeout: ptr(time.Second), ForwardOnTimeout: ptr(false), Unattended: ptr(false), RedirectOutdated: ptr(false), MaxHold: ptr(time.Minute),
			MaxBodySize: ptr(int64(5)), ReleaseOnHeaders: ptr(true), ReleaseDelay: ptr(time.Millisecond), OnStoreFailure: ptr(Open), Priority: ptr(Low), Shadow: ptr(true),
			Limits: []string{"own"}, Concurrency: []string{"few"},
		},
		Rule{Name: "nothing", Match: Match{Path: []string{"/nothing"}}},
	)
	want := Policy{
		Rule: "all", Number: 1, Lock: Barrier, RejectBusy: true, Reject: true, Status: 429, Upstream: "other", Cookie: "c", Header: "H",
		LockGroup: "g", MaxWaiting: 0, WaitTimeout: time.Second, ForwardOnTimeout: false, MaxHold: time.Minute,
		MaxBodySize: 5, ReleaseOnHeaders: true, ReleaseDelay: time.Millisecond, OnStoreFailure: Open, Priority: Low, Shadow: true,
		Limits: []string{"own"}, Concurrency: []string{"few"},
	}
	if got := *s.Decide(&Request{Path: "/all"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want = base
	want.Rule, want.Number = "nothing", 2
	if got := *s.Decide(&Request{Path: "/nothing"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := *s.Decide(&Request{Path: "/"}); !reflect.DeepEqual(got, base) {
		t.Errorf("got  %+v\nwant %+v", got, base)
	}
}

func TestSessionIsAskedForLazilyAndByTheRulesOwnSource(t *testing.T) {
	s := mustCompile(t, Policy{Rule: "base", Cookie: "PHPSESSID"},
		Rule{Name: "static", Match: Match{Path: []string{"/static/**"}}},
		Rule{Name: "api", Match: Match{Session: ptr(true)}, Cookie: ptr("api"), Header: ptr("X-Api")},
		Rule{Name: "post", Match: Match{Session: ptr(true), Method: []string{"POST"}}},
		Rule{Name: "get", Match: Match{Session: ptr(true), Method: []string{"GET", "POST"}}},
	)
	var asked []string
	decide := func(path, method string) string {
		asked = nil
		return s.Decide(&Request{Path: path, Method: method, HasSession: func(cookie, header string) bool {
			asked = append(asked, cookie+"/"+header)
			return false
		}}).Rule
	}
	for _, tt := range []struct{ path, method, want, asked string }{
		{"/static/x", "GET", "static", "[]"},
		{"/", "GET", "base", "[api/X-Api PHPSESSID/]"},
		{"/", "POST", "base", "[api/X-Api PHPSESSID/]"},
	} {
		if got := decide(tt.path, tt.method); got != tt.want || fmt.Sprint(asked) != tt.asked {
			t.Errorf("%s %s: rule %q, asked for %v; want %q, %s", tt.method, tt.path, got, asked, tt.want, tt.asked)
		}
	}
}

func TestManySourcesAreToldApart(t *testing.T) {
	var rules []Rule
	for i := range 80 {
		rules = append(rules, Rule{Name: fmt.Sprint(i), Match: Match{Session: ptr(true)}, Cookie: ptr(fmt.Sprint("c", i))})
	}
	s := mustCompile(t, Policy{}, rules...)
	for i := range 80 {
		has := func(cookie, _ string) bool { return cookie == fmt.Sprint("c", i) }
		if got := s.Decide(&Request{Path: "/", HasSession: has}).Rule; got != fmt.Sprint(i) {
			t.Errorf("session in c%d: rule %q", i, got)
		}
	}
}

// fiftyRules look at everything; none of them matches benchmarkRequest.
func fiftyRules() []Rule {
	var rules []Rule
	for i := range 10 {
		rules = append(rules,
			Rule{Name: "p", Match: Match{Path: []string{fmt.Sprintf("/static%d/**", i), fmt.Sprintf("/**/x%d/*.css", i)}}},
			Rule{Name: "m", Match: Match{Method: []string{"PUT"}, Path: []string{fmt.Sprintf("/api/%d/**", i)}}},
			Rule{Name: "h", Match: Match{Host: []string{fmt.Sprintf("*.shop%d.example", i)}}},
			Rule{Name: "q", Match: Match{Query: []NameValue{{"wc-ajax", fmt.Sprintf("get_%d*", i)}}}},
			Rule{Name: "s", Match: Match{Path: []string{fmt.Sprintf("/cart/%d/**", i)}, Session: ptr(false)}},
		)
	}
	for i := range 5 { // the last ten of each kind that is asked of each request
		rules[5*i] = Rule{Name: "u", Match: Match{UserAgent: []string{fmt.Sprintf("*scraper%d*", i), fmt.Sprintf("*Python-requests/%d.*", i)}}}
		rules[5*i+1] = Rule{Name: "r", Match: Match{PathRegex: []string{fmt.Sprintf("/catalogue/[a-z]+/%d[0-9]+\\.html", i), fmt.Sprintf("(?i)/rest/v%d/.*", i)}}}
		rules[5*i+2] = Rule{Name: "x", Match: Match{Header: []NameValue{{"X-Requested-With", fmt.Sprint(i)}}}}
		rules[5*i+3] = Rule{Name: "c", Match: Match{Client: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i)), netip.MustParsePrefix("2001:db8::/32")}, Method: []string{"GET"}}}
		rules[5*i+4] = Rule{Name: "b", Match: Match{Bot: ptr(true), Header: []NameValue{{"X-B", fmt.Sprint(i)}}}}
	}
	return rules
}

func benchmarkRequest() *Request {
	agent := []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"}
	header := http.Header{"User-Agent": agent, "X-Requested-With": {"XMLHttpRequest"}}
	return &Request{
		Host: "www.shop.example", Path: "/catalogue/women/dresses/a-long-blue-one.html", Method: "GET",
		RawQuery:   "page=2&sort=price&colour=dark%20blue&wc-ajax=add%5Fto%5Fcart",
		Client:     netip.MustParseAddr("203.0.113.7"),
		Header:     func(name string) []string { return header[name] },
		HasSession: func(string, string) bool { return true },
	}
}

// Expressions are left out: regexp keeps its machines in a sync.Pool, which is
// emptied now and then.
func TestDecideDoesNotAllocate(t *testing.T) {
	list := slices.DeleteFunc(fiftyRules(), func(r Rule) bool { return r.Match.PathRegex != nil })
	s, r := mustCompile(t, Policy{Rule: "base"}, list...), benchmarkRequest()
	if n := leastAllocations(func() {
		if s.Decide(r).Rule != "base" {
			t.Error("a rule matched")
		}
	}); n != 0 {
		t.Errorf("Decide allocates %v times", n)
	}
}

// TestFiftyRulesCostLittle holds them to a bound that even a busy machine with
// the race detector keeps in one of its better moments. BenchmarkDecide50 gives the
// figure: at most 5 µs.
func TestFiftyRulesCostLittle(t *testing.T) {
	const bound, moments = 100 * time.Microsecond, 5 * time.Second
	s, r, least := mustCompile(t, Policy{Rule: "base"}, fiftyRules()...), benchmarkRequest(), time.Hour
	if len(s.rules) != 50 {
		t.Fatalf("%d rules", len(s.rules))
	}
	for first := time.Now(); least > bound && time.Since(first) < moments; {
		began := time.Now()
		s.Decide(r)
		least = min(least, time.Since(began))
	}
	if least > bound {
		t.Errorf("50 rules cost %v", least)
	}
}

func BenchmarkDecide50(b *testing.B) {
	s, r := mustCompile(b, Policy{Rule: "base"}, fiftyRules()...), benchmarkRequest()
	b.ReportAllocs()
	for b.Loop() {
		s.Decide(r)
	}
}

// With PathInfo a rule for a script holds for whatever follows the script.
func TestScriptInThePathMatches(t *testing.T) {
	closed := Rule{Name: "closed", Match: Match{Path: []string{"/up/**.php", "/x.php", "/admin/index.php"}}}
	set, err := Compile(Policy{}, []Rule{closed})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/x.php": "closed", "/x.php/": "closed", "/x.php/a/b": "closed", "/up/a/y.php/z.jpg": "closed",
		"/admin/": "closed", "/admin": "", "/up/": "closed", "/admin/index.php": "closed", "/admin/index.php/x": "closed", "/admin/other": "",
		"/up/a.php.jpg": "", "/x.phpx/a": "", "/a/x.php/b": "", "/b.php/up/y.php": "",
	} {
		if got := set.Decide(&Request{Path: path, PathInfo: true}).Rule; got != want {
			t.Errorf("%s: rule %q, want %q", path, got, want)
		}
	}
	if got := set.Decide(&Request{Path: "/x.php/a"}).Rule; got != "" {
		t.Errorf("without PathInfo: rule %q", got)
	}
}

// A path of 8 KiB costs an expression 0.2 ms. What a script's name may be is not
// to make that many times as much, as 16 such names in it did.
func TestScriptsInThePathAreFewAndNoLongerThanPathsAre(t *testing.T) {
	set := mustCompile(t, Policy{}, Rule{Name: "closed", Match: Match{Path: []string{"/**/x.php", "/**/index.php"}}})
	long := strings.Repeat("a", maxScript-len("//x.php"))
	for name, c := range map[string]struct{ path, want string }{
		"the fourth":            {"/a.php/a.php/a.php/x.php/more", "closed"},
		"the fifth":             {"/a.php/a.php/a.php/a.php/x.php/more", ""},
		"as long as may be":     {"/" + long + "/x.php/more", "closed"},
		"longer":                {"/a" + long + "/x.php/more", ""},
		"a folder":              {"/folder/", "closed"},
		"too long for a folder": {"/a" + long + "/folder/", ""},
	} {
		if got := set.Decide(&Request{Path: c.path, PathInfo: true}).Rule; got != c.want {
			t.Errorf("%s: rule %q, want %q", name, got, c.want)
		}
	}
	tried := 0
	count := func(path string) bool { tried += len(path); return false }
	anyPath([]pathFunc{count}, Reading{Path: strings.Repeat("/"+strings.Repeat("a", 500)+".php", 16) + "/", PathInfo: true})
	if tried > maxRegexPath+maxScripts*maxScript {
		t.Errorf("%d bytes are looked at", tried)
	}
}

type pathFunc func(path string) bool

func (f pathFunc) matchesPath(path string) bool { return f(path) }

// Applications that route by REQUEST_URI see another path than those behind nginx.
func TestDotSegmentsAreReadInBothWays(t *testing.T) {
	yes, none := true, None
	set := mustCompile(t, Policy{},
		Rule{Name: "closed", Match: Match{Path: []string{"/admin/**"}}, Reject: &yes},
		Rule{Name: "free", Match: Match{Path: []string{"/static/**"}}, Lock: &none},
		Rule{Name: "busy", Match: Match{PathRegex: []string{"/search/.*"}}},
	)
	for sent, want := range map[string]string{
		"/admin/../x": "closed", "/x/../admin/y": "closed", "/admin/..": "closed", "/static/../admin/x": "closed",
		"/cart/../static/x": "", "/static/../cart": "", "/static/../static/x": "free", "/static/./x": "free", "/static/x": "free",
		"/x/../search/y": "busy", "/search/../x": "",
	} {
		path, err := NormalizePath(sent, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Decide(&Request{Path: path, AsSent: UnresolvedPath(sent, "")}).Rule; got != want {
			t.Errorf("%s: rule %q, want %q", sent, got, want)
		}
	}
}

// Which upstream it will be, and so which script is left out, the rules decide.
func TestAPathIsReadBehindEachIndexScript(t *testing.T) {
	yes, none := true, None
	set := mustCompile(t, Policy{},
		Rule{Name: "closed", Match: Match{Path: []string{"/admin/**"}}, Reject: &yes},
		Rule{Name: "old", Match: Match{PathRegex: []string{"/old/.*"}}, Reject: &yes},
		Rule{Name: "free", Match: Match{Path: []string{"/static/**"}}, Lock: &none},
		Rule{Name: "search", Match: Match{Path: []string{"/search/**"}}},
	)
	for sent, want := range map[string]string{
		"/app.php/admin/x": "closed", "/index.php/admin/x": "closed", "/admin/x": "closed", "/app.php/x/../admin/y": "closed", "/app.php/admin/../x": "closed", "/app.php/old/x": "old",
		"/static/x": "free", "/index.php/static/x": "", "/app.php/static/x": "", "/search/x": "search", "/index.php/search/x": "search", "/app.php/search/x": "",
	} {
		read := func(script string) Reading {
			path, err := NormalizePath(sent, script)
			if err != nil {
				t.Fatal(err)
			}
			return Reading{Path: path, AsSent: UnresolvedPath(sent, script)}
		}
		first := read("/index.php")
		r := &Request{Path: first.Path, AsSent: first.AsSent, Others: []Reading{read("/app.php")}}
		if got := set.Decide(r).Rule; got != want {
			t.Errorf("%s: rule %q, want %q", sent, got, want)
		}
		if p, _ := set.Explain(r); p.Rule != want {
			t.Errorf("%s: explained by rule %q, want %q", sent, p.Rule, want)
		}
	}
	r := &Request{Path: "/app.php/x/../y", AsSent: "/app.php/x/../y", Others: []Reading{{Path: "/y", AsSent: "/x/../y"}}}
	_, verdicts := set.Explain(r)
	if got, want := verdicts[0].Misses[0].Found, "/app.php/x/../y, sent as /app.php/x/../y; behind another index_script /y, sent as /x/../y"; got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}
