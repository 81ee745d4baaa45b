package config

import "testing"

func TestLimitsThatDoOtherThanMeantAreWarnedOf(t *testing.T) {
	const (
		noRate  = "limits[0].rate: not said, or 0, is no limit: a lets everything through"
		noMax   = "concurrency[0].max: not said, or 0, is no limit: c lets everything through"
		oneOff  = "limits[0].burst: 1, as where it is not said, refuses the second of two requests that come within 20ms: browsers send several at once; say how many may come so"
		ofARule = "rules[0].limits[0].rate: not said, or 0, is no limit: search/1 lets everything through"
	)
	of := func(l Limit) Config { return Config{Limits: []Limit{l}} }
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"a rate and a burst", of(Limit{Name: "a", Rate: 50, Burst: 200}), ""},
		{"no rate", of(Limit{Name: "a", Burst: 200}), noRate},
		{"no burst", of(Limit{Name: "a", Rate: 50, Burst: 1}), oneOff},
		{"no burst, and slow enough to be meant", of(Limit{Name: "a", Rate: 1, Burst: 1}), ""},
		{"a rule's", Config{Rules: []Rule{{Name: "search", Limits: []Limit{{Burst: 1}}}}}, ofARule},
		{"a cap", Config{Concurrency: []Concurrency{{Name: "c", Max: 1}}}, ""},
		{"a cap without a number", Config{Concurrency: []Concurrency{{Name: "c"}}}, noMax},
	} {
		if got := LimitWarnings(&tt.cfg).Error(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
