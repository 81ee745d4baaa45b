package rules

import (
	"strings"
	"testing"
)

func TestArgumentIsReadAsPHPReadsIt(t *testing.T) {
	deep := strings.Repeat("[]", 65)
	tests := []struct {
		query       string
		name, value string
		want        bool
	}{
		{"a=1", "a", "1", true},
		{"x=2&a=1", "a", "1", true},
		{"a=1&a=2", "a", "1", false},
		{"a=1&a=2", "a", "2", true},
		{"a=1;a=2", "a", "1;a=2", true},
		{"a=1+2%2B", "a", "1 2+", true},
		{"%61=1", "a", "1", true},
		{"+a=1", "a", "1", true},
		{"x.y=1", "x_y", "1", true},
		{"x+y=1", "x_y", "1", true},
		{"x_y=1", "x.y", "1", true},
		{"x[y=1", "x_y", "1", true},
		{"A=1", "a", "1", false},
		{"a", "a", "*", true},
		{"a", "a", "", true},
		{"a=", "a", "*", true},
		{"b", "a", "*", false},
		{"", "a", "*", false},
		{"a%00b=1", "a", "1", true},
		{"a=%zz", "a", "%zz", true},
		{"a[]=1", "a", "1", false},
		{"a[]=1", "a", "*", true},
		{"a%5Bx%5D=1", "a", "*", true},
		{"a=1&a[]=2", "a", "1", false},
		{"a[]=2&a=1", "a", "1", true},
		{"a=1&a" + deep + "=2", "a", "*", false},
		{"a=1&a" + deep + "=2&a=3", "a", "3", true},
		{strings.Repeat("&", 2000) + "a=1", "a", "1", true},
		{strings.Repeat("x&", 999) + "a=1", "a", "1", true},
		{strings.Repeat("x&", 1000) + "a=1", "a", "1", false},
		{"a=" + strings.Repeat("%61", 1000), "a", strings.Repeat("a", 1000), true},
		{strings.Repeat("%61", 300) + "=1", strings.Repeat("a", 300), "1", true},
	}
	for _, tt := range tests {
		s := mustCompile(t, Policy{}, Rule{Name: "q", Match: Match{Query: []NameValue{{tt.name, tt.value}}}})
		if got := s.Decide(&Request{Path: "/", RawQuery: tt.query}).Rule == "q"; got != tt.want {
			t.Errorf("%.80q, argument %.20q, value %.20q: %v", tt.query, tt.name, tt.value, got)
		}
	}
}

// More arguments than PHP reads by default can be read in two ways: nobody must
// pass a rule, or evade one, by sending so many.
func TestArgumentBehindManyOthers(t *testing.T) {
	many := strings.Repeat("&x", 1000)
	match := Match{Query: []NameValue{{"ajax", "get"}}}
	forwards := mustCompile(t, Policy{}, Rule{Name: "q", Match: match})
	rejects := mustCompile(t, Policy{}, Rule{Name: "q", Match: match, Reject: ptr(true)})
	gets := mustCompile(t, Policy{}, Rule{Name: "q", Match: Match{Method: []string{"GET"}}})
	for query, want := range map[string]struct{ forwards, rejects bool }{
		"ajax=get" + many:               {true, true},
		"ajax=get" + many + "&ajax=add": {false, true},
		"ajax=add" + many + "&ajax=get": {false, true},
		"x" + many + "&ajax=get":        {false, true},
		"ajax=add" + many:               {false, false},
	} {
		r := &Request{Path: "/", Method: "GET", RawQuery: query}
		if got := forwards.Decide(r).Rule == "q"; got != want.forwards {
			t.Errorf("%.10q … %q: a rule that forwards: %v", query, query[len(query)-10:], got)
		}
		if got := rejects.Decide(r).Rule == "q"; got != want.rejects {
			t.Errorf("%.10q … %q: a rule that rejects: %v", query, query[len(query)-10:], got)
		}
	}
	if gets.Decide(&Request{Path: "/", Method: "GET", RawQuery: "x" + many + "&_method=POST"}).Rule == "q" {
		t.Error("a method behind many arguments is not seen")
	}
}
