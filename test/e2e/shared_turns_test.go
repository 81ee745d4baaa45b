package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestNoUpdateOfASessionIsLostBetweenGates(t *testing.T) {
	const requests = 42
	gates := startGates(t, 8)
	j := newJournal(t)
	var answers []<-chan answer
	for i := range requests {
		answers = append(answers, gates[i%3].start(t, j.page("counter", strconv.Itoa(i), "ms=2"), "one"))
	}
	seen := map[string]bool{}
	for _, done := range answers {
		seen[receive(t, done).want(t, 200).body] = true
	}
	for n := 1; n <= requests; n++ {
		if !seen[fmt.Sprintf("%d\n", n)] {
			t.Errorf("nobody got %d: an update was lost", n)
		}
	}
	if n := j.mostAtOnce(t, func(string) bool { return true }); n != 1 {
		t.Errorf("%d requests of one session ran at once", n)
	}
	for _, series := range []string{"lease_lost_total", "local_turns_total", "lease_takeover_total"} {
		if n := sum(t, gates, series); n != 0 {
			t.Errorf("%s is %v", series, n)
		}
	}
}

func TestALineOverGatesIsServedInOrderOfArrival(t *testing.T) {
	gates := startGates(t, 4)
	j, end := newJournal(t), newBarrier(t)
	answers := []<-chan answer{gates[0].start(t, end.page(j, "0"), "one")}
	j.await(t, "begin 0")
	want := []string{"0"}
	waiting := make([]int, 3)
	for i := 1; i <= 11; i++ {
		id, at := strconv.Itoa(i), i%3
		waiting[at]++
		answers = append(answers, gates[at].queueShared(t, j.page("slow", id, "ms=0"), "one", waiting[at]))
		want = append(want, id)
	}
	if j.has(t, "begin 1") {
		t.Fatal("another gate let a request in while one ran")
	}
	end.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
	if got := j.begun(t); !slices.Equal(got, want) {
		t.Errorf("served in the order %v", got)
	}
	if n := j.mostAtOnce(t, func(string) bool { return true }); n != 1 {
		t.Errorf("%d requests of one session ran at once", n)
	}
}

// What PHP is told rises from each turn of a session to the next, whichever
// gates give them.
func TestFencesRiseOverGates(t *testing.T) {
	gates := startGates(t, 4)
	var answers []<-chan answer
	for i := range 30 {
		answers = append(answers, gates[i%3].start(t, "/env.php", "one"))
	}
	type seen struct {
		Fence string  `json:"HTTP_X_SESSIONGATE_FENCE"`
		Begun float64 `json:"REQUEST_TIME_FLOAT"`
	}
	var all []seen
	for _, done := range answers {
		var s seen
		if err := json.Unmarshal([]byte(receive(t, done).want(t, 200).body), &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b seen) int { return cmp.Compare(a.Begun, b.Begun) })
	for i, s := range all {
		if len(s.Fence) != 16 { // microseconds since 1970, until 2286
			t.Fatalf("fence %q", s.Fence)
		}
		if i > 0 && s.Fence <= all[i-1].Fence {
			t.Errorf("turn %d has the fence %s, the one before %s", i, s.Fence, all[i-1].Fence)
		}
	}
}

func TestABarrierWaitsForTheWritersOfOtherGatesAndBlocksNobody(t *testing.T) {
	gates := startGates(t, 6, "rules: [{name: badge, match: {query: [{name: badge}]}, lock: barrier}]")
	j, first, rest := newJournal(t), newBarrier(t), newBarrier(t)
	answers := []<-chan answer{gates[0].start(t, first.page(j, "writer1"), "one")}
	j.await(t, "begin writer1")
	answers = append(answers,
		gates[1].queueShared(t, rest.page(j, "badge1", "badge=1"), "one", 1),
		gates[2].queueShared(t, rest.page(j, "badge2", "badge=1"), "one", 1),
		gates[0].queueShared(t, rest.page(j, "writer2"), "one", 1),
		gates[1].queueShared(t, rest.page(j, "badge3", "badge=1"), "one", 2))
	first.lift(t)
	j.await(t, "begin badge1")
	j.await(t, "begin badge2")
	j.await(t, "begin writer2")
	if words := j.words(t); words[0] != "begin writer1" || words[1] != "end writer1" {
		t.Errorf("a barrier began before the writer ahead of it had ended: %q", words)
	}
	if j.has(t, "begin badge3") {
		t.Error("a barrier began before the second writer had ended")
	}
	rest.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
}

func TestASessionThatIsBusyInOneGateIsBusyInAll(t *testing.T) {
	gates := startGates(t, 4, "lock: {busy: reject}")
	j, end := newJournal(t), newBarrier(t)
	first := gates[0].start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	for i, g := range gates {
		a := g.get(t, j.page("slow", "refused", "ms=0"), "one").wantRefusal(t, 429, "session_busy")
		if a.took > soon {
			t.Errorf("refused after %v", a.took)
		}
		g.get(t, "/trivial.php", fmt.Sprint("other", i)).want(t, 200)
	}
	end.lift(t)
	receive(t, first).want(t, 200)
	for _, g := range gates {
		// The gate before has the lease for a moment longer.
		eventually(t, func() bool { return g.get(t, "/trivial.php", "one").status == 200 }, func() string { return "still busy" })
	}
	if j.has(t, "begin refused") {
		t.Error("a refused request reached PHP")
	}
}

func TestAClientThatLeavesOneGateIsSkippedByTheOthers(t *testing.T) {
	gates := startGates(t, 4)
	j, end := newJournal(t), newBarrier(t)
	first := gates[0].start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	req, leave := vanish(t, request(t, "GET", j.page("slow", "gone", "ms=0"), "one", nil))
	gone := gates[1].send(req)
	gates[1].awaitMetric(t, "waiting", 1)
	gates[1].settle(t)
	last := gates[2].queueShared(t, j.page("slow", "last", "ms=0"), "one", 1)
	leave()
	receive(t, gone)
	gates[1].awaitMetric(t, `client_gone_total{stage="wait"}`, 1)
	end.lift(t)
	receive(t, first).want(t, 200)
	receive(t, last).want(t, 200)
	if got := fmt.Sprint(j.words(t)); got != "[begin first end first begin last end last]" {
		t.Errorf("journal %s", got)
	}
	gates[1].get(t, "/trivial.php", "one").want(t, 200)
}

func TestAWaitForAnotherGateIsBounded(t *testing.T) {
	t.Parallel()
	gates := startGates(t, 4, "lock: {wait_timeout: 1s}",
		"rules: [{name: patient, match: {query: [{name: free}]}, wait_timeout: 100ms, on_wait_timeout: forward}]")
	j, end := newJournal(t), newBarrier(t)
	first := gates[0].start(t, end.page(j, "first"), "one")
	j.await(t, "begin first")
	if a := gates[1].get(t, j.page("slow", "late", "ms=0"), "one").wantRefusal(t, 429, "wait_timeout"); a.took < time.Second {
		t.Errorf("refused after %v", a.took)
	}
	gates[2].get(t, j.page("slow", "free", "ms=0", "free=1"), "one").want(t, 200)
	if j.has(t, "end first") {
		t.Fatal("the first page had ended: nothing was shown")
	}
	if n := gates[2].metric(t, `forwarded_without_turn_total{reason="wait_timeout"}`); n != 1 {
		t.Errorf("forwarded_without_turn_total is %v, want 1", n)
	}
	end.lift(t)
	receive(t, first).want(t, 200)
	// It may wait longer than a busy machine takes to pass the lease on.
	eventually(t, func() bool { return gates[1].get(t, j.page("slow", "last", "ms=0"), "one").status == 200 }, func() string { return "still locked" })
	if j.has(t, "begin late") {
		t.Error("the refused request reached PHP")
	}
}
