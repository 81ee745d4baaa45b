package rules

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestExplanationNamesEveryFieldThatDidNotHold(t *testing.T) {
	s := mustCompile(t, Policy{Cookie: "PHPSESSID", Header: "X-Session"},
		Rule{Name: "a", Match: Match{Method: []string{"POST", "PUT"}, Path: []string{"/a/**"}, PathRegex: []string{"/[bc]"}, Host: []string{"b.example"}}},
		Rule{Name: "b", Match: Match{Bot: ptr(true), UserAgent: []string{"*curl*"}, Client: nets("10.0.0.0/8")}},
		Rule{Name: "c", Match: Match{Header: []NameValue{{"x-a", "1*"}, {"X-B", "2"}}, Query: []NameValue{{"q.a", "x"}, {"b", "*"}}}},
		Rule{Name: "d", Match: Match{Session: ptr(false), Path: []string{"/cart"}}},
		Rule{Name: "e", Match: Match{Path: []string{"/cart"}}, Lock: ptr(Barrier)},
		Rule{Name: "f", Match: Match{Path: []string{"/**"}}},
	)
	r := sent("User-Agent", "Firefox", "X-A", "2", "X-Http-Method", "delete").to("GET", "/cart", "q_a=%2B&c").from("192.0.2.1")
	r.Host = "A.example:80"
	r.HasSession = func(string, string) bool { return true }
	policy, verdicts := s.Explain(&r)
	if policy != s.Decide(&r) || policy.Lock != Barrier {
		t.Errorf("policy %+v", policy)
	}
	var told []string
	for _, v := range verdicts {
		line := fmt.Sprintf("%s %v", v.Rule, v.Matches)
		for _, m := range v.Misses {
			line += fmt.Sprintf("\n  %s: want %s, found %s", m.Field, strings.Join(m.Want, " or "), m.Found)
		}
		told = append(told, line)
	}
	want := `a false
  method: want POST or PUT, found GET, overridden as DELETE
  host: want b.example, found a.example
  path_regex: want /[bc], found /cart
b false
  client: want 10.0.0.0/8, found 192.0.2.1
  bot: want a known crawler, found no known crawler
  user_agent: want *curl*, found Firefox
c false
  header: want x-a: 1* or X-B: 2, found X-A: 2; no X-B
  query: want q.a=x or b=*, found q_a=+; no b
d false
  session: want no session (header X-Session or cookie PHPSESSID), found a session (header X-Session or cookie PHPSESSID)
e true`
	want = strings.Replace(want, "  host:", "  path: want /a/**, found /cart\n  host:", 1)
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNothingSentIsSaidSo(t *testing.T) {
	s := mustCompile(t, Policy{},
		Rule{Name: "a", Match: Match{Client: []netip.Prefix{netip.MustParsePrefix("::/0")}, UserAgent: []string{"a"}, Host: []string{"a"}, Query: []NameValue{{"a", "x"}}}})
	policy, verdicts := s.Explain(&Request{Path: "/", RawQuery: "a[]=x"})
	if policy.Rule != "" || len(verdicts) != 1 {
		t.Fatalf("%+v, %+v", policy, verdicts)
	}
	for i, want := range []string{"none", "none", "none", "a is an array"} {
		if got := verdicts[0].Misses[i].Found; got != want {
			t.Errorf("%s: %q, want %q", verdicts[0].Misses[i].Field, got, want)
		}
	}
}

func TestRefusalThatIsNotEnforcedIsToldAndPassed(t *testing.T) {
	all := Match{Path: []string{"/**"}}
	s := mustCompile(t, Policy{}, Rule{Name: "watched", Match: all, Reject: ptr(true), Shadow: ptr(true)}, Rule{Name: "next", Match: all})
	r := Request{Path: "/"}
	policy, verdicts := s.Explain(&r)
	if policy != s.Behind(s.Decide(&r), &r) || policy.Rule != "next" || len(verdicts) != 2 || !verdicts[0].Matches || !verdicts[1].Matches {
		t.Errorf("%+v, %+v", policy, verdicts)
	}
}
