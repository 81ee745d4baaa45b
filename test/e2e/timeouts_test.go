package e2e

import (
	"fmt"
	"testing"
	"time"
)

func TestAResponseTimeoutAnswersTheClientAndKeepsTheTurn(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 4)), "upstream: {response_timeout: 1500ms}")
	j, end := newJournal(t), newBarrier(t)
	silent := g.start(t, end.page(j, "silent"), "one")
	j.await(t, "begin silent")
	next := g.queue(t, j.page("slow", "next", "ms=0"), "one", 1)
	receive(t, silent).wantRefusal(t, 504, "response_timeout")
	if j.has(t, "begin next") || g.metric(t, "waiting") != 1 {
		t.Errorf("the next request was let in while PHP ran: %q", j.words(t))
	}
	if n := g.metric(t, `upstream_errors_total{kind="response_timeout",upstream="php"}`); n != 1 {
		t.Errorf("counted %v times, want once", n)
	}
	end.lift(t)
	receive(t, next).want(t, 200)
	if got := fmt.Sprint(j.words(t)); got != "[begin silent end silent begin next end next]" {
		t.Errorf("journal %s", got)
	}
	g.awaitMetric(t, `refused_total{reason="response_timeout"}`, 1)
	if n := g.metric(t, "hold_exceeded_total"); n != 0 {
		t.Errorf("hold_exceeded_total is %v", n)
	}
}

func TestMaxHoldLetsTheNextInWhilePHPStillRuns(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 4)), "upstream: {response_timeout: 1500ms}", "lock: {max_hold: 2s, wait_timeout: 30s}")
	j, end := newJournal(t), newBarrier(t)
	stuck := g.start(t, end.page(j, "stuck"), "one")
	j.await(t, "begin stuck")
	next := g.start(t, j.page("slow", "next", "ms=0"), "one")
	receive(t, stuck).wantRefusal(t, 504, "response_timeout")
	receive(t, next).want(t, 200)
	if j.has(t, "end stuck") {
		t.Fatal("the page had ended: nothing was shown")
	}
	if n := g.metric(t, "hold_exceeded_total"); n != 1 {
		t.Errorf("hold_exceeded_total is %v, want 1", n)
	}
	end.lift(t)
	g.awaitMetric(t, "in_flight", 0)
}

// The gate lets go of what nobody waits for; PHP does not hear of it before it
// writes.
func TestWhatNobodyWaitsForIsCutOff(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 4)), "upstream: {response_timeout: 1s, abandoned_timeout: 1s}", "lock: {max_hold: 1s}")
	j, end := newJournal(t), newBarrier(t)
	stuck := g.start(t, end.page(j, "stuck"), "one")
	j.await(t, "begin stuck")
	receive(t, stuck).wantRefusal(t, 504, "response_timeout")
	g.awaitMetric(t, `abandoned_total{upstream="php"}`, 1)
	g.awaitMetric(t, "in_flight", 0)
	if j.has(t, "end stuck") {
		t.Fatal("the page had ended: nothing was shown")
	}
	end.lift(t)
	j.await(t, "end stuck")
}

func TestMaxHoldDoesNotCutAnAnswerUnderWay(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 4)), "upstream: {response_timeout: 1s}", "lock: {max_hold: 1s}")
	j, end := newJournal(t), newBarrier(t)
	long := g.start(t, end.page(j, "long", "first=1"), "one")
	j.await(t, "begin long")
	g.get(t, j.page("slow", "next", "ms=0"), "one").want(t, 200)
	end.lift(t)
	if a := receive(t, long).want(t, 200); a.body != "first\nlast\n" {
		t.Errorf("the long answer is %q", a.body)
	}
}

func TestAWaitThatIsTooLongIsRefused(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)), "lock: {wait_timeout: 200ms}")
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	a := g.get(t, j.page("slow", "late", "ms=0"), "one").wantRefusal(t, 429, "wait_timeout")
	if a.took < 200*time.Millisecond {
		t.Errorf("refused after %v", a.took)
	}
	end.lift(t)
	receive(t, first).want(t, 200)
	if j.has(t, "begin late") {
		t.Error("the refused request reached PHP")
	}
	g.awaitMetric(t, `refused_total{reason="wait_timeout"}`, 1)
}

func TestAWaitThatIsTooLongIsForwardedWithoutTheTurnWhereAskedFor(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)), "lock: {wait_timeout: 100ms, on_wait_timeout: forward}")
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	g.get(t, j.page("slow", "late", "ms=0"), "one").want(t, 200)
	if j.has(t, "end first") {
		t.Fatal("the first page had ended: nothing was shown")
	}
	if n := g.metric(t, `forwarded_without_turn_total{reason="wait_timeout"}`); n != 1 {
		t.Errorf("forwarded_without_turn_total is %v, want 1", n)
	}
	end.lift(t)
	receive(t, first).want(t, 200)
}
