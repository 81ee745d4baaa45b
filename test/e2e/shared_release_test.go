package e2e

import (
	"syscall"
	"testing"
	"time"
)

func TestMaxHoldPassesTheTurnToAnotherGate(t *testing.T) {
	t.Parallel()
	gates := startGates(t, 4, "upstream: {response_timeout: 1500ms}", "lock: {max_hold: 2s}")
	j, end := newJournal(t), newBarrier(t)
	stuck := gates[0].start(t, end.page(j, "stuck"), "one")
	j.await(t, "begin stuck")
	next := gates[1].start(t, j.page("slow", "next", "ms=0"), "one")
	receive(t, stuck).wantRefusal(t, 504, "response_timeout")
	receive(t, next).want(t, 200)
	if j.has(t, "end stuck") {
		t.Fatal("the page had ended: nothing was shown")
	}
	if n := gates[0].metric(t, "hold_exceeded_total"); n != 1 {
		t.Errorf("hold_exceeded_total is %v, want 1", n)
	}
	if n := sum(t, gates, "lease_lost_total") + sum(t, gates, "lease_takeover_total"); n != 0 {
		t.Errorf("%v leases were lost or taken over", n)
	}
}

func TestPHPMayGiveTheTurnAwayToAnotherGate(t *testing.T) {
	gates := startGates(t, 3, "rules: [{name: stream, match: {query: [{name: early}]}, release_on: headers}]")
	for name, arg := range map[string]string{"by header": "control=release", "by rule": "early=1"} {
		t.Run(name, func(t *testing.T) {
			j, end := newJournal(t), newBarrier(t)
			pageThatWorksOn(t, gates[0], end, j, arg)
			for _, g := range []*gate{gates[1], gates[2], gates[0]} {
				g.get(t, j.page("slow", "next", "ms=0"), "one").want(t, 200)
			}
			if j.has(t, "end first") {
				t.Fatal("the first page had ended: nothing was shown")
			}
			end.lift(t)
			j.await(t, "end first")
		})
	}
}

func TestATurnIsKeptBeyondTheAnswerForOtherGatesToo(t *testing.T) {
	t.Parallel()
	gates := startGates(t, 3, "rules: [{name: late, match: {query: [{name: late}]}, release_delay: 1500ms}]")
	for name, arg := range map[string]string{"by header": "hold=1500ms", "by rule": "late=1"} {
		j := newJournal(t)
		session := arg[:4]
		gates[0].get(t, j.page("finish", "first", "ms=200", arg), session).want(t, 200)
		next := gates[1].get(t, j.page("counter", "next"), session).want(t, 200)
		if !j.has(t, "end first") || next.body != "2\n" {
			t.Errorf("%s: the update was lost: counter %q, journal %q", name, next.body, j.words(t))
		}
	}
}

func TestSIGTERMPassesTheSessionsToTheOtherGates(t *testing.T) {
	t.Parallel()
	gates := startGates(t, 4)
	p := serve(t, command(t, "serve", "-c", gates[0].configFilePath))
	j, end := newJournal(t), newBarrier(t)
	running := p.gate.start(t, end.page(j, "running"), "one")
	j.await(t, "begin running")
	waiting := p.gate.queueShared(t, j.page("slow", "waiting", "ms=0"), "one", 1)
	elsewhere := gates[1].queueShared(t, j.page("slow", "elsewhere", "ms=0"), "one", 1)
	p.signal(t, syscall.SIGTERM)
	eventually(t, func() bool {
		status, _ := p.gate.adminPage(t, "/readyz")
		return status == 503
	}, func() string { return "it is ready" })
	end.lift(t)
	for _, done := range []<-chan answer{running, waiting, elsewhere} {
		receive(t, done).want(t, 200)
	}
	p.wantExit(t, "exit status 0")
	if a := gates[2].get(t, "/trivial.php", "one").want(t, 200); a.took > soon {
		t.Errorf("the session was locked for %v after its gate had ended", a.took)
	}
	if n := sum(t, gates, "lease_takeover_total"); n != 0 {
		t.Errorf("%v leases had to run out", n)
	}
}

// A page that the gate's end cuts off from its client may run on: its session
// stays locked, for longer than a lease lasts, until max_hold.
func TestWhatADrainCutsOffStaysLockedForTheOtherGates(t *testing.T) {
	t.Parallel()
	gates := startGates(t, 4, "server: {drain_timeout: 200ms}", "lock: {ttl: 3s, max_hold: 5s}", "upstream: {response_timeout: 5s}")
	p := serve(t, command(t, "serve", "-c", gates[0].configFilePath))
	j, end := newJournal(t), newBarrier(t)
	asked := time.Now()
	running := p.gate.start(t, end.page(j, "running"), "one")
	j.await(t, "begin running")
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, "exit status 1")
	receive(t, running).wantRefusal(t, 503, "shutting_down")
	next := gates[1].start(t, j.page("slow", "next", "ms=0"), "one")
	receive(t, next).want(t, 200)
	if after := time.Since(asked); after < 5*time.Second || after > 5*time.Second+soon {
		t.Errorf("the session was locked for %v, want max_hold (5s)", after)
	}
	if j.has(t, "end running") {
		t.Error("the page had ended: nothing was shown")
	}
}
