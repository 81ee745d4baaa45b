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
		allWrite  = `rules[0].lock: none lets requests that write past the lock: the rule takes POST, too; say in match.method which only read, as [GET, HEAD]`
		someWrite = `rules[0].lock: barrier lets requests that write past the lock: the rule takes POST and DELETE; say in match.method which only read, as [GET, HEAD]`
		claimed   = `rules[0].lock: none for whoever names the right user agent: anybody can, and passes the lock; add session: false to match, or the client networks`
		unlimited = `rules[0].skip_limits: true for whoever names the right user agent: anybody can, and passes the limits; give the rule limits of its own, or add the client networks to match`
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
		{"no limits for the office", Rule{Match: office, SkipLimits: &yes}, ""},
	} {
		if got := RuleWarnings(&Config{Rules: []Rule{tt.rule}}).Error(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
