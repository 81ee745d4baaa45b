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
