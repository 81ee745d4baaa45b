package http

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the differences that are seen to docs/http.md")

const (
	document   = "../../docs/http.md"
	tableBegin = "| scenario | gate | nginx | Caddy | why |\n|---|---|---|---|---|\n"
	same       = "same"
)

// shortly is how long another server may take for an answer that the gate gives
// before it counts as waiting for more.
const shortly = 500 * time.Millisecond

// TestDifferences plays the battery to nginx and Caddy and holds the table of
// docs/http.md to what is seen. The table is that of the versions which the page
// names: of other ones the differences are logged.
func TestDifferences(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), tableBegin)
	if !ok {
		t.Fatalf("%s has no table of differences", document)
	}
	table, after, _ := strings.Cut(rest, "\n\n")
	nginx, caddy := map[string]string{}, map[string]string{}
	t.Run("servers", func(t *testing.T) {
		t.Run("nginx", func(t *testing.T) { t.Parallel(); collect(t, startNginx(t, false), startNginx(t, true), nginx, table) })
		t.Run("Caddy", func(t *testing.T) { t.Parallel(); collect(t, startCaddy(t, false), startCaddy(t, true), caddy, table) })
	})
	want := rows(t, nginx, caddy)
	if *update {
		if err := os.WriteFile(document, []byte(before+tableBegin+strings.Join(want, "\n")+"\n\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	complain := t.Errorf
	compared := fmt.Sprintf("nginx %s and Caddy %s", version(t, "nginx", "-v"), version(t, "caddy", "version"))
	if !strings.Contains(before, compared) {
		t.Logf("%s is about other versions than %s", document, compared)
		complain = t.Logf
	}
	got := strings.Split(table, "\n")
	for _, row := range want {
		if !slices.Contains(got, row) {
			complain("seen, and not in %s:\n%s", document, row)
		}
	}
	for _, row := range got {
		if !slices.Contains(want, row) {
			complain("in %s, and not seen:\n%s", document, row)
		}
	}
}

// collect plays every scenario that can be played over HTTP, and notes what was
// done otherwise than by the gate. What is not in the table is looked at again:
// the machine may have been busy.
func collect(t *testing.T, open, relays *server, differences map[string]string, table string) {
	t.Helper()
	for _, sc := range all() {
		if !sc.runsOver(overHTTP) {
			continue
		}
		s := sc.of(open, relays)
		what := sc.difference(s.play(t, &sc, shortly))
		row, _, _ := strings.Cut(table[max(strings.Index(table, "| "+sc.name+" |"), 0):], "\n")
		if what != same && !strings.Contains(row, "| "+what+" |") {
			what = sc.difference(s.play(t, &sc, patience/4))
		}
		differences[sc.name] = what
	}
}

// rows is the table as it should be.
func rows(t *testing.T, nginx, caddy map[string]string) []string {
	t.Helper()
	var list []string
	used := map[string]bool{}
	for _, sc := range all() {
		if nginx[sc.name] == same && caddy[sc.name] == same || !sc.runsOver(overHTTP) {
			continue
		}
		why := reasons[sc.name]
		if why == "" {
			t.Errorf("nobody says why the gate differs: %q: gate %s, nginx %s, Caddy %s", sc.name, sc.expected(), nginx[sc.name], caddy[sc.name])
		}
		used[sc.name] = true
		list = append(list, fmt.Sprintf("| %s | %s | %s | %s | %s |", sc.name, sc.expected(), nginx[sc.name], caddy[sc.name], why))
	}
	for name := range reasons {
		if !used[name] {
			t.Errorf("a reason for what is no difference: %q", name)
		}
	}
	slices.Sort(list)
	return list
}

// expected says what the gate does.
func (s *scenario) expected() string { return told(s.replies, s.seen, nil) }

// difference says what another server has done, or that it was the same. Whether
// a connection is kept is not compared, nor are the words of a refusal: a server
// is free in both. Nor is whether the backend has heard of the beginning of a
// request that was refused in the end: that is a matter of time.
func (s *scenario) difference(o outcome) string {
	if o.waits {
		o.replies = append(o.replies, reply{status: "- waits"})
	}
	whole := o
	whole.seen = slices.DeleteFunc(slices.Clone(o.seen), func(q request) bool { return strings.HasSuffix(q.line, unfinished) })
	if s.matches(o) || s.matches(whole) {
		return same
	}
	return told(o.replies, o.seen, append([]request{}, s.seen...))
}

func (s *scenario) matches(o outcome) bool {
	if len(o.seen) != len(s.seen) {
		return false
	}
	for i, want := range s.seen {
		if want.differs(o.seen[i]) != nil {
			return false
		}
	}
	if len(o.replies) == 0 && len(s.replies) == 1 && s.replies[0].cut {
		return true
	}
	if len(o.replies) != len(s.replies) {
		return false
	}
	for i, want := range s.replies {
		got := o.replies[i]
		if want.code() != got.code() || strings.HasPrefix(want.code(), "2") && (want.body != got.body || want.cut != got.cut) && got.body != "" {
			return false
		}
	}
	return true
}

// code is the status, or what there was instead.
func (r reply) code() string {
	if word := strings.SplitN(r.status, " ", 3); len(word) > 1 {
		return word[1]
	}
	return "no HTTP"
}

// told puts answers, and what the backend got, into a few words. Where others
// are given, only what is not as in them is told of.
func told(replies []reply, seen, as []request) string {
	var words []string
	for _, r := range replies {
		word := r.code()
		if r.cut {
			word += ", cut"
		}
		words = append(words, word)
	}
	if len(replies) == 0 {
		words = append(words, "closed")
	}
	text := strings.Join(words, ", ")
	for i, q := range seen {
		switch {
		case as == nil:
		case len(as) == 0 && i > 0 && q.line == seen[i-1].line: // sent again, if its connection was an old one
		case len(as) == 0:
			text += "; passes on " + code(q.line)
		case i >= len(as):
			text += "; passes on also " + code(q.line)
		case as[i].differs(q) != nil:
			text += "; passes on " + as[i].otherwise(q)
		}
	}
	if as != nil && len(seen) < len(as) && len(seen) > 0 {
		text += fmt.Sprintf("; passes on %d of %d", len(seen), len(as))
	}
	return text
}

// otherwise says in what a request is not the one that the gate passes on.
func (r request) otherwise(got request) string {
	switch {
	case r.line != got.line:
		return code(got.line)
	case r.host != got.host:
		return "Host " + code(got.host)
	case r.body != got.body:
		return fmt.Sprintf("a body of %d bytes", len(got.body))
	}
	for _, line := range r.header {
		name, not := strings.CutPrefix(line, "-")
		if !not {
			name, _, _ = strings.Cut(line, ":")
		}
		if headerDiffers([]string{line}, got.header) == nil {
			continue
		}
		value, found := got.value(strings.ToLower(name))
		if !found {
			return "no " + name
		}
		return code(strings.ToLower(name) + ": " + value)
	}
	return ""
}

// code writes what a client may have made up as a cell of a table.
func code(s string) string {
	quoted := fmt.Sprintf("%q", s)
	quoted = quoted[1 : len(quoted)-1]
	if len(quoted) > 60 {
		quoted = quoted[:60] + "…"
	}
	return "`" + strings.NewReplacer("|", `\|`, "`", "'").Replace(quoted) + "`"
}
