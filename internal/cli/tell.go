package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/proxy"
)

// tell says in words what was explained.
func tell(w io.Writer, e *app.Explanation) error {
	out := &teller{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	out.request(&e.Request)
	out.rules(e)
	decided := len(e.Policy) > 0
	switch {
	case e.Answer != "":
		out.line("It is answered by the gate itself, %s.", e.Answer)
	case e.Refusal != nil:
		out.line("It is refused with %d (%s): %s", e.Refusal.Status, e.Refusal.Reason, e.Refusal.Detail)
	default:
		out.line("It goes to the upstream %s%s.", e.Setting("upstream"), way(e))
		out.unless(e)
	}
	if decided {
		out.line("What holds, and where that stands:")
	}
	for _, s := range e.Policy {
		from := s.From
		if from == "" {
			from = "-"
		}
		out.line("  %s\t%s\t%s", s.Key, s.Value, from)
	}
	if decided && e.Refusal == nil {
		out.limits(e)
	}
	if out.err != nil {
		return out.err
	}
	return out.w.Flush()
}

// way says what a request waits for.
func way(e *app.Explanation) string {
	if e.Setting("enforce") == "false" {
		return " at once: what is not enforced is only counted"
	}
	slot, andSlot := "", ""
	if e.Setting("max_in_flight") != "" {
		slot, andSlot = " when a slot is free,", " and a slot is free"
	}
	switch lock := e.Setting("lock"); {
	case lock == "none":
		return slot + " without waiting for a turn: lock is none"
	case e.Request.Session == "":
		return slot + " without waiting for a turn: it has no session"
	case lock == "barrier":
		return " when the requests of its session before it have ended" + andSlot + ", and holds up none behind it"
	}
	return " when the turn of its session comes" + andSlot
}

// unless says what hangs on files: explain looks at none.
func (t *teller) unless(e *app.Explanation) {
	if e.Setting("files") != "" && (e.Request.Method == http.MethodGet || e.Request.Method == http.MethodHead) {
		t.line("Where local_root has a file of this name, and none for PHP, the gate serves that instead, at once.")
	}
	if e.Setting("script") == string(config.ScriptPath) {
		t.line("Where local_root has no script for it, it is refused with 404 (%s).", proxy.ReasonNoScript)
	}
}

// teller keeps the first error.
type teller struct {
	w   *tabwriter.Writer
	err error
}

func (t *teller) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format+"\n", args...)
	}
}

func (t *teller) request(r *app.ExplainedRequest) {
	if r.Method == "" {
		return // it could not be read
	}
	crawler, session := "no known crawler", "no session"
	if r.Bot {
		crawler = "a known crawler"
	}
	if r.Session != "" {
		session = "session " + r.Session
	}
	t.line("%s %s of %s, from %s (%s), %s.", r.Method, r.Target, r.Host, r.Client, crawler, session)
	if r.Path != "" {
		t.line("Rules see the path %s", strings.Join(append([]string{r.Path}, r.Others...), ", and behind another index_script "))
	}
}

func (t *teller) rules(e *app.Explanation) {
	other := ""
	for i, rule := range e.Rules {
		t.rule(i, rule)
		if rule.Counted {
			other = " other"
		}
	}
	if len(e.Policy) > 0 && e.Rule == "" {
		t.line("No%s rule matches.", other)
	}
}

func (t *teller) rule(i int, rule app.ExplainedRule) {
	if rule.Counted {
		t.line("%d. %s matches, would refuse the request, and is not enforced: that is counted, and the rules below decide.", i+1, rule.Name)
		return
	}
	if rule.Matches {
		t.line("%d. %s matches.", i+1, rule.Name)
		return
	}
	t.line("%d. %s does not match:", i+1, rule.Name)
	for _, m := range rule.Misses {
		t.line("   %s is %s, want %s", m.Field, m.Found, strings.Join(m.Want, " or "))
	}
}

func (t *teller) limits(e *app.Explanation) {
	if len(e.Limits)+len(e.Caps) == 0 {
		t.line("No limits hold.")
		return
	}
	t.line("Limits that hold, and where they stand:")
	for _, l := range e.Limits {
		t.line("  %s\t%s by %s, burst %d, %s%s\t%s", l.Name, l.Rate, l.Key, l.Burst, l.Scope, aside(l.Key, l.Applies, l.Enforce), l.From)
	}
	for _, c := range e.Caps {
		t.line("  %s\t%d at once by %s%s\t%s", c.Name, c.Max, c.Key, aside(c.Key, c.Applies, c.Enforce), c.From)
	}
}

// aside says why a limit that is set does not hold the request up.
func aside(key string, applies, enforce bool) string {
	switch {
	case !applies:
		return ", not of this request: it has no " + key
	case !enforce:
		return ", only counted"
	}
	return ""
}
