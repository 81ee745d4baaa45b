package rules

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// lastOf is how PHP reads one name: all arguments up to a number, each compared
// with it.
func lastOf(query, name string, limit int) (found phpvar.Spelling, value string) {
	count := 0
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		if count++; count > limit {
			break
		}
		sent, val, _ := strings.Cut(pair, "=")
		decoded := phpvar.AppendURLDecode(nil, sent)
		if phpvar.IsURLEncoded(sent) {
			decoded, _, _ = bytes.Cut(decoded, []byte{0})
		}
		switch spelling := phpvar.SpellingOf(decoded, name); spelling {
		case phpvar.Plain, phpvar.Array:
			found, value = spelling, string(phpvar.AppendURLDecode(nil, val))
		case phpvar.TooDeep:
			found, value = phpvar.Other, ""
		}
	}
	return found, value
}

// One walk for all names finds what a walk for each would.
func FuzzArguments(f *testing.F) {
	deep := strings.Repeat("[]", 65)
	for _, query := range []string{
		"a=1&a[]=2", "a=1&a" + deep, "+a=%41&.b[=x", "%20a%00b=1", "__Host-c=1&..Host-c=2&%2e_Host-c=3", "a==&&=b&[a]=1&a.b=1",
		strings.Repeat("x&", 998) + "a=1&_=1&b=2&a[]=3",
	} {
		f.Add(query)
	}
	asked := []string{"a", "_b_", "b", "__Host-c", "a_b", "_", "_method"}
	var n argumentNames
	for _, name := range asked {
		n.number(name)
	}
	f.Fuzz(func(t *testing.T, query string) {
		facts := facts{request: &Request{RawQuery: query}, names: &n}
		defer facts.done()
		q := facts.arguments()
		if q == nil {
			return // no query
		}
		for number, name := range asked {
			for limit, last := range map[int]*spelled{phpvar.MaxInputVars: q.byDefault(number), len(query): &q.all[number]} {
				found, value := lastOf(query, name, limit)
				if last.found != found || found != phpvar.Other && string(q.decode(last)) != value {
					t.Errorf("%q, %s, of %d: %v %q, want %v %q", query, name, limit, last.found, q.decode(last), found, value)
				}
			}
		}
	})
}

// What one request leaves behind is not there for the next.
func TestArgumentsOfOneRequestAreNotAnothers(t *testing.T) {
	set := mustCompile(t, Policy{}, Rule{Name: "q", Match: Match{Query: []NameValue{{"a", "*"}, {"b", "x y"}}}})
	queries := map[string]string{
		"a=1": "q", "b=x+y": "q", "b=x": "", "": "", "c": "", "&": "", "b=" + strings.Repeat("%20", 9000): "",
		strings.Repeat("c&", 1000) + "a": "", "a" + strings.Repeat("&c", 1000): "q",
	}
	for range 50 {
		for query, want := range queries {
			if got := set.Decide(&Request{Path: "/", RawQuery: query}).Rule; got != want {
				t.Fatalf("%.20q: rule %q, want %q", query, got, want)
			}
		}
	}
}

// Ordinary queries are read without allocating, whatever rules ask for.
func TestQueriesAreReadWithoutAllocating(t *testing.T) {
	var list []Rule
	for i := range 100 {
		list = append(list, Rule{Name: fmt.Sprint("q", i), Match: Match{Query: []NameValue{{fmt.Sprint("a", i), "get_*"}}}})
	}
	set := mustCompile(t, Policy{}, list...)
	for _, query := range []string{"utm_source=x&p=2", "a1=1&a2=x+y%20z&%613=1&a[]=1", "q=" + strings.Repeat("%20", 300)} {
		r := &Request{Path: "/", RawQuery: query}
		if n := leastAllocations(func() { set.Decide(r) }); n > 0 {
			t.Errorf("%.40q: %v allocations", query, n)
		}
	}
}

// leastAllocations are those of the best of some rounds: the garbage collector
// empties a sync.Pool now and then, and the race detector has it lose what it gets.
func leastAllocations(do func()) float64 {
	least := testing.AllocsPerRun(1, do)
	for range 20 {
		least = min(least, testing.AllocsPerRun(1, do))
	}
	return least
}
