package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestNoUpdateOfASessionIsLost(t *testing.T) {
	const requests = 40
	g := startGate(t, inFrontOf(startPHP(t, 8)))
	j := newJournal(t)
	var answers []<-chan answer
	for i := range requests {
		answers = append(answers, g.start(t, j.page("counter", strconv.Itoa(i), "ms=2"), "one"))
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
}

func TestSessionsRunBesideEachOtherAndNeverBesideThemselves(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 6)))
	j, end := newJournal(t), newBarrier(t)
	var answers []<-chan answer
	for _, session := range []string{"a", "b", "c"} {
		answers = append(answers, g.start(t, end.page(j, session+"1"), session), g.start(t, end.page(j, session+"2"), session))
	}
	g.awaitMetric(t, "waiting", 3)
	eventually(t, func() bool { return len(j.begun(t)) == 3 }, func() string { return fmt.Sprint(j.words(t)) })
	end.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
	if n := j.mostAtOnce(t, func(string) bool { return true }); n != 3 {
		t.Errorf("at most %d requests ran at once, want one of each of 3 sessions: %q", n, j.words(t))
	}
	for _, session := range []string{"a", "b", "c"} {
		if n := j.mostAtOnce(t, func(id string) bool { return strings.HasPrefix(id, session) }); n != 1 {
			t.Errorf("%d requests of session %s ran at once: %q", n, session, j.words(t))
		}
	}
}

func TestALineIsServedInOrderOfArrival(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 6)))
	j, end := newJournal(t), newBarrier(t)
	answers := []<-chan answer{g.start(t, end.page(j, "0"), "one")}
	j.await(t, "begin 0")
	want := []string{"0"}
	for i := 1; i <= 20; i++ {
		id := strconv.Itoa(i)
		answers = append(answers, g.queue(t, j.page("slow", id, "ms=0"), "one", i))
		want = append(want, id)
	}
	end.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
	if got := j.begun(t); !slices.Equal(got, want) {
		t.Errorf("served in the order %v", got)
	}
}

func TestRequestsWithoutASessionDoNotWait(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)))
	j, end := newJournal(t), newBarrier(t)
	var answers []<-chan answer
	for i, session := range []string{"", "", "not%20an%20id", "not%20an%20id"} {
		answers = append(answers, g.start(t, end.page(j, strconv.Itoa(i)), session))
	}
	eventually(t, func() bool { return len(j.begun(t)) == 4 }, func() string { return fmt.Sprint(j.words(t)) })
	end.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
}

func TestModeNoneDoesNotWait(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)), "rules: [{name: free, match: {query: [{name: free}]}, lock: none}]")
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "locked"), "one")
	j.await(t, "begin locked")
	g.get(t, j.page("slow", "free", "ms=0", "free=1"), "one").want(t, 200)
	end.lift(t)
	receive(t, first).want(t, 200)
}

func TestALockGroupIsALineOfItsOwn(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 4)), "rules: [{name: chat, match: {query: [{name: chat}]}, lock_group: chat}]")
	j, end := newJournal(t), newBarrier(t)
	main := g.start(t, end.page(j, "main"), "one")
	j.await(t, "begin main")
	chat := g.start(t, end.page(j, "chat1", "chat=1"), "one")
	j.await(t, "begin chat1")
	second := g.queue(t, end.page(j, "chat2", "chat=1"), "one", 1)
	end.lift(t)
	for _, done := range []<-chan answer{main, chat, second} {
		receive(t, done).want(t, 200)
	}
	if n := j.mostAtOnce(t, func(id string) bool { return strings.HasPrefix(id, "chat") }); n != 1 {
		t.Errorf("%d requests of the group ran at once", n)
	}
}

func TestABarrierWaitsForEarlierOnesAndBlocksNobody(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 6)), "rules: [{name: badge, match: {query: [{name: badge}]}, lock: barrier}]")
	j, first, rest := newJournal(t), newBarrier(t), newBarrier(t)
	answers := []<-chan answer{g.start(t, first.page(j, "writer1"), "one")}
	j.await(t, "begin writer1")
	answers = append(answers,
		g.queue(t, rest.page(j, "badge1", "badge=1"), "one", 1),
		g.queue(t, rest.page(j, "badge2", "badge=1"), "one", 2),
		g.queue(t, rest.page(j, "writer2"), "one", 3))
	first.lift(t)
	j.await(t, "begin badge1")
	j.await(t, "begin badge2")
	j.await(t, "begin writer2")
	if words := j.words(t); words[0] != "begin writer1" || words[1] != "end writer1" {
		t.Errorf("a barrier began before the writer ahead of it had ended: %q", words)
	}
	rest.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
}
