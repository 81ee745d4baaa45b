package e2e

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// pageThatWorksOn asks for until.php, whose answer's head is sent at once.
func pageThatWorksOn(t *testing.T, g *gate, end barrierFile, j journal, args ...string) *conn {
	t.Helper()
	c := g.dial(t)
	c.ask(t, "GET", end.page(j, "first", append(args, "first=1")...), "one")
	resp := c.head(t)
	for name := range resp.Header {
		if strings.HasPrefix(name, "X-Sessiongate") {
			t.Errorf("%s reached the client", name)
		}
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, len("first\n"))); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPHPMayGiveTheTurnAwayWhileItWorksOn(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 3)))
	j, end := newJournal(t), newBarrier(t)
	pageThatWorksOn(t, g, end, j, "control=release")
	g.get(t, j.page("slow", "next", "ms=0"), "one").want(t, 200)
	if j.has(t, "end first") {
		t.Fatal("the first page had ended: nothing was shown")
	}
	end.lift(t)
	j.await(t, "end first")
	if body := g.get(t, "/release.php?ms=0", "one").want(t, 200).body; body != "1\ndone\n" {
		t.Errorf("release.php answered %q", body)
	}
}

func TestReleaseOnHeadersGivesTheTurnAwayWithTheHead(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 3)), "rules: [{name: stream, match: {path: [/until.php]}, release_on: headers}]")
	j, end := newJournal(t), newBarrier(t)
	pageThatWorksOn(t, g, end, j)
	g.get(t, j.page("slow", "next", "ms=0"), "one").want(t, 200)
	if j.has(t, "end first") {
		t.Fatal("the first page had ended: nothing was shown")
	}
	end.lift(t)
	j.await(t, "end first")
}

func TestAHeadAloneDoesNotGiveTheTurnAway(t *testing.T) {
	for _, control := range []string{"nonsense", "hold=1ms", "release,hold=1ms", "Release"} {
		t.Run(control, func(t *testing.T) {
			g := startGate(t, inFrontOf(startPHP(t, 3)))
			j, end := newJournal(t), newBarrier(t)
			pageThatWorksOn(t, g, end, j, "control="+control)
			next := g.queue(t, j.page("slow", "next", "ms=0"), "one", 1)
			end.lift(t)
			receive(t, next).want(t, 200)
			if got := fmt.Sprint(j.words(t)); got != "[begin first end first begin next end next]" {
				t.Errorf("journal %s", got)
			}
		})
	}
}

func TestATurnEndsWithTheRequestOnTheWire(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 3)))
	j, end := newJournal(t), newBarrier(t)
	// Without hold=… nobody can know that the page works on with its session.
	g.get(t, end.pageOf("finish", j, "first"), "one").want(t, 200)
	g.get(t, j.page("slow", "next", "ms=0"), "one").want(t, 200)
	if j.has(t, "end first") {
		t.Fatal("the first page had ended: nothing was shown")
	}
	end.lift(t)
	j.await(t, "end first")
}

func TestPHPMayKeepTheTurnBeyondItsAnswer(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 3)))
	j := newJournal(t)
	first := g.get(t, j.page("finish", "first", "ms=200", "hold=3s"), "one").want(t, 200)
	if first.took > 2900*time.Millisecond {
		t.Errorf("the answer itself took %v", first.took)
	}
	if control := first.header.Get("X-Sessiongate"); control != "" {
		t.Errorf("X-Sessiongate: %s reached the client", control)
	}
	next := g.get(t, j.page("counter", "next"), "one").want(t, 200)
	if !j.has(t, "end first") || next.body != "2\n" {
		t.Errorf("the update was lost: counter %q, journal %q", next.body, j.words(t))
	}
}

func TestAKeptTurnEndsWithMaxHold(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 3)), "lock: {max_hold: 1s}", "upstream: {response_timeout: 1s}")
	j := newJournal(t)
	g.get(t, j.page("finish", "first", "ms=0", "hold=60s"), "one").want(t, 200)
	g.get(t, j.page("slow", "next", "ms=0"), "one").want(t, 200)
	if n := g.metric(t, "hold_exceeded_total"); n != 1 {
		t.Errorf("hold_exceeded_total is %v, want 1", n)
	}
}

func TestAReleaseDelayKeepsTheTurnForSoLong(t *testing.T) {
	t.Parallel()
	g := startGate(t, inFrontOf(startPHP(t, 3)), "rules: [{name: late, match: {path: [/finish.php]}, release_delay: 1500ms}]")
	j := newJournal(t)
	g.get(t, j.page("finish", "first", "ms=200"), "one").want(t, 200)
	next := g.get(t, j.page("counter", "next"), "one").want(t, 200)
	if !j.has(t, "end first") || next.body != "2\n" {
		t.Errorf("the update was lost: counter %q, journal %q", next.body, j.words(t))
	}
}
