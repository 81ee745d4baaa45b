package config

import (
	"net/netip"
	"testing"
)

func TestRulesThatLetTooMuchPassAreWarnedOf(t *testing.T) {
	yes, no := true, false
	none, barrier, exclusive, reject := ModeNone, ModeBarrier, ModeExclusive, ActionReject
	reading := Match{Path: []string{"/a"}, Method: []string{"GET", "HEAD", "OPTIONS"}}
	bots := Match{Bot: &yes, Method: []string{"GET"}}
	guests := Match{Bot: &yes, Session: &no}
	office := Match{UserAgent: []string{"*monitor*"}, Method: []string{"GET"}, Client: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	const (
		allWrite   = `rules[0].lock: none lets requests that write past the lock: the rule takes POST, too; say in match.method which only read, as [GET, HEAD]`
		someWrite  = `rules[0].lock: barrier lets requests that write past the lock: the rule takes POST and DELETE; say in match.method which only read, as [GET, HEAD]`
		claimed    = `rules[0].lock: none for whoever names the right user agent: anybody can, and passes the lock; add session: false to match, or the client networks`
		unlimited  = `rules[0].skip_limits: true for whoever names the right user agent: anybody can, and passes the limits; give the rule limits of its own, or add the client networks to match`
		misspelt   = `rules[0].match.method[1]: "DELTE" is no method in use; did you mean "DELETE"?`
		unenforced = `rules[0].enforce: false: requests of one session run at once here, beside those of other rules, and no limit refuses any; it is only counted`
	)
	for _, tt := range []struct {
		name string
		rule Rule
		want string
	}{
		{"none for all methods", Rule{Match: Match{Path: []string{"/a"}}, Lock: &none}, allWrite},
		{"barrier for writers", Rule{Match: Match{Method: []string{"GET", "POST", "DELETE"}}, Lock: &barrier}, someWrite},
		{"none for readers", Rule{Match: reading, Lock: &none}, ""},
		{"barrier for readers", Rule{Match: reading, Lock: &barrier}, ""},
		{"exclusive for all", Rule{Match: Match{Path: []string{"/a"}}, Lock: &exclusive}, ""},
		{"nothing said", Rule{Match: Match{Path: []string{"/a"}}}, ""},
		{"without a session", Rule{Match: Match{Path: []string{"/a"}, Session: &no}, Lock: &none}, ""},
		{"refused", Rule{Match: bots, Action: &reject}, ""},
		{"none for crawlers", Rule{Match: bots, Lock: &none}, claimed},
		{"none for a user agent", Rule{Match: Match{UserAgent: []string{"*x*"}}, Lock: &none}, allWrite + "\n" + claimed},
		{"none for crawlers without a session", Rule{Match: guests, Lock: &none}, ""},
		{"none for all but crawlers", Rule{Match: Match{Bot: &no, Method: []string{"GET"}}, Lock: &none}, ""},
		{"none for a user agent from the office", Rule{Match: office, Lock: &none}, ""},
		{"no limits for crawlers", Rule{Match: guests, SkipLimits: &yes}, unlimited},
		{"no limits for crawlers, not said", Rule{Match: guests, SkipLimits: &no}, ""},
		{"other limits for crawlers", Rule{Match: guests, SkipLimits: &yes, Limits: []Limit{{}}}, ""},
		{"not enforced", Rule{Match: reading, Enforce: &no}, unenforced},
		{"enforced", Rule{Match: reading, Enforce: &yes}, ""},
		{"a method that nobody sends", Rule{Match: Match{Method: []string{"PUT", "DELTE"}}, Action: &reject}, misspelt},
		{"methods of others", Rule{Match: Match{Method: []string{"PURGE", "MKCALENDAR", "FROBNICATE"}}}, ""},
		{"a refusal that is not enforced", Rule{Match: bots, Action: &reject, Enforce: &no}, ""},
		{"no limits for the office", Rule{Match: office, SkipLimits: &yes}, ""},
	} {
		if got := RuleWarnings(&Config{Lock: Lock{Enforce: true}, Rules: []Rule{tt.rule}}).Error(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestRulesByUserAgentStandBehindThoseThatRefuse(t *testing.T) {
	yes, no := true, false
	reject := ActionReject
	crawlers := Rule{Name: "crawlers", Match: Match{Bot: &yes, Session: &no}}
	closed := Rule{Name: "closed", Match: Match{Path: []string{"/admin/**"}}, Action: &reject}
	login := Rule{Name: "login", Match: Match{Path: []string{"/login"}}, Limits: []Limit{{}}}
	plain := Rule{Name: "plain", Match: Match{Path: []string{"/a"}}}
	ofPath := Rule{Name: "feeds", Match: Match{Bot: &yes, Path: []string{"/feed"}}}
	office := Rule{Name: "office", Match: Match{Bot: &yes, Client: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	const passed = `rules[0].match: whoever names the right user agent is past what refuses or limits in rules[1] (closed), rules[3] (login): anybody can; put the rule behind`
	for _, tt := range []struct {
		name  string
		rules []Rule
		want  string
	}{
		{"before", []Rule{crawlers, closed, plain, login}, passed},
		{"behind", []Rule{closed, login, plain, crawlers}, ""},
		{"before what neither refuses nor limits", []Rule{closed, crawlers, plain}, ""},
		{"of one path", []Rule{ofPath, closed}, ""},
		{"of known clients", []Rule{office, closed}, ""},
	} {
		if got := RuleWarnings(&Config{Lock: Lock{Enforce: true}, Rules: tt.rules}).Error(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestAGateThatEnforcesNothingSaysSo(t *testing.T) {
	no := false
	const want = "lock.enforce: false: nothing is enforced but by rules with enforce: true; nobody waits for a turn or is refused by lock, rules and limits, what would have been is counted"
	if got := RuleWarnings(&Config{Rules: []Rule{{Match: Match{Path: []string{"/a"}}, Enforce: &no}}}).Error(); got != want {
		t.Errorf("got %s", got)
	}
	if got := RuleWarnings(Defaults()); len(got) != 0 {
		t.Errorf("of the defaults: %v", got)
	}
}
