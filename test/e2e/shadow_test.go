package e2e

import (
	"strings"
	"testing"
)

func anyPage(string) bool { return true }

func TestAGateThatEnforcesNothingHoldsNobodyUpAndTellsOfOverlaps(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 4)), `
lock: {enforce: false, max_waiting: 1}
limits: [{name: few, key: session, rate: 1/h, burst: 2}]
rules: [{name: scrapers, match: {query: [{name: id, value: c}]}, action: reject}]
`)
	if !strings.Contains(g.log.String(), "false: nothing is enforced") {
		t.Errorf("no warning at the start:\n%s", g.log)
	}
	j, end := newJournal(t), newBarrier(t)
	var answers []<-chan answer
	for _, id := range []string{"a", "b", "c"} {
		answers = append(answers, g.start(t, end.page(j, id), "one"))
		j.await(t, "begin "+id)
	}
	g.get(t, "/trivial.php", "another").want(t, 200)
	end.lift(t)
	for _, a := range answers {
		receive(t, a).want(t, 200)
	}
	if n := j.mostAtOnce(t, anyPage); n != 3 {
		t.Errorf("%d pages of the session ran at once, want 3", n)
	}
	for series, want := range map[string]float64{
		"shadow_overlaps_total":                             2,
		"shadow_waits_total":                                1,
		`shadow_refused_total{reason="session_full"}`:       1,
		`shadow_refused_total{reason="rate_limited"}`:       1,
		`shadow_refused_total{reason="rule"}`:               1,
		`refused_total{reason="rate_limited"}`:              0,
		`limit_refused_total{enforced="false",limit="few"}`: 1,
	} {
		g.awaitMetric(t, series, want)
	}
	g.awaitMetric(t, "in_flight", 0)
	for _, want := range []string{`"shadow_overlap":true`, `"shadow_wait":true`, `"shadow_rule":"scrapers"`, `"shadow_refused":["rule","rate_limited","session_full"]`} {
		if !strings.Contains(g.log.String(), want) {
			t.Errorf("no %s in the log", want)
		}
	}
}

// The checkout is enforced already: its requests follow each other, and what is
// not enforced runs beside them.
func TestARuleMayBeEnforcedBeforeTheRest(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 4)), `
lock: {enforce: false}
rules: [{name: checkout, match: {query: [{name: id, value: "pay*"}]}, enforce: true}]
`)
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "pay1"), "one")
	j.await(t, "begin pay1")
	second := g.queue(t, j.page("journal", "pay2"), "one", 1)
	beside := g.start(t, j.page("journal", "read"), "one")
	receive(t, beside).want(t, 200)
	if j.has(t, "begin pay2") {
		t.Error("the second enforced page did not wait")
	}
	end.lift(t)
	receive(t, first).want(t, 200)
	receive(t, second).want(t, 200)
	if !j.has(t, "begin pay2") {
		t.Errorf("PHP saw %q", j.words(t))
	}
	if n := j.mostAtOnce(t, func(id string) bool { return strings.HasPrefix(id, "pay") }); n != 1 {
		t.Errorf("%d enforced pages ran at once", n)
	}
	g.awaitMetric(t, "shadow_overlaps_total", 1)
	g.awaitMetric(t, "shadow_waits_total", 1)
}
