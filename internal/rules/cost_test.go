package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Rules are asked before any limit is. What one request makes them do must not
// grow with the rules that ask for the same: what they ask for is read once.
func TestWhatIsReadForOneRuleIsReadForAll(t *testing.T) {
	const many, more = 50, 8
	queries := make(map[string]string)
	for name, part := range map[string]string{
		"short":                    "b&",
		"of the name":              "a&",
		"encoded":                  "%61&",
		"brackets":                 "a[&",
		"arrays":                   "a[]&",
		"one value, encoded":       "%61",
		"values, encoded":          "a=%61&",
		"of an override":           "_method&",
		"names of 300 that decode": strings.Repeat("%61", 300) + "&",
	} {
		queries[name] = "a=" + strings.Repeat(part, 60_000/len(part))
	}
	for name, query := range queries {
		alone, all := queryRules(t, 1), queryRules(t, many)
		request := &Request{Path: "/", Method: "GET", RawQuery: query}
		once, often := least(func() { alone.Decide(request) }), least(func() { all.Decide(request) })
		if often > more*once {
			t.Errorf("%s: %d rules cost %v, one %v", name, many, often, once)
		}
	}
}

// queryRules ask for one name each, and all of them for the name a.
func queryRules(tb testing.TB, n int) *Set {
	tb.Helper()
	var list []Rule
	for i := range n {
		list = append(list, Rule{Name: fmt.Sprint("q", i), Match: Match{
			Method: []string{"GET"},
			Query:  []NameValue{{fmt.Sprint("a", i), "get_*"}, {"a", fmt.Sprint("get", i, "_*")}},
		}, Reject: ptr(true)})
	}
	return mustCompile(tb, Policy{}, list...)
}

// least is the time of the best of some rounds: the others were held up.
func least(do func()) time.Duration {
	best := time.Hour
	for range 20 {
		began := time.Now()
		do()
		best = min(best, time.Since(began))
	}
	return best
}
