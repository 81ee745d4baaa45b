package rules

import "testing"

func TestReads(t *testing.T) {
	set := mustCompile(t, Policy{}, Rule{Name: "a", Match: Match{Header: []NameValue{{Name: "x-debug", Value: "1"}}}}, Rule{Name: "b", Match: Match{Path: []string{"/b"}}})
	for name, want := range map[string]bool{"X-Debug": true, "X-Http-Method-Override": true, "User-Agent": true, "X-Other": false} {
		if got := set.Reads(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
