package e2e

import (
	"fmt"
	"testing"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// startUnlike runs three gates on one Redis that differ in what they do when it
// is away; each has rules that say otherwise for some pages.
func startUnlike(t *testing.T) (server *redistest.Server, local, closed, open *gate) {
	t.Helper()
	server = redistest.Start(t)
	pool := startPHP(t, 6)
	rules := `rules:
  - {name: local, match: {query: [{name: as, value: local}]}, on_store_failure: local}
  - {name: closed, match: {query: [{name: as, value: closed}]}, on_store_failure: closed}
  - {name: open, match: {query: [{name: as, value: open}]}, on_store_failure: open}`
	start := func(policy string) *gate {
		return startGate(t, inFrontOf(pool), sharing(server), rules, fmt.Sprintf("lock: {on_store_failure: %s}", policy))
	}
	return server, start("local"), start("closed"), start("open")
}

func TestWhileRedisIsAwayRequestsRunAsToldAndSharedAgainAfterwards(t *testing.T) {
	t.Parallel()
	server, local, closed, open := startUnlike(t)
	gates := []*gate{local, closed, open}
	awaitDegraded(t, gates, 0)
	server.Kill()
	for i, g := range gates { // what is asked before the gate has noticed is answered too
		if a := g.get(t, "/trivial.php", fmt.Sprint("early", i)); a.err != nil || a.status != 200 && a.status != 503 {
			t.Errorf("got %d %q, %v", a.status, a.body, a.err)
		}
	}
	awaitDegraded(t, gates, 1)
	t.Run("local", func(t *testing.T) {
		for i, as := range []struct {
			g     *gate
			query string
		}{{local, "x=1"}, {closed, "as=local"}, {open, "as=local"}} {
			wantLocalTurns(t, as.g, fmt.Sprint("local", i), as.query)
		}
	})
	t.Run("closed", func(t *testing.T) {
		for _, as := range []struct {
			g     *gate
			query string
		}{{closed, "x=1"}, {local, "as=closed"}, {open, "as=closed"}} {
			before := as.g.metric(t, `refused_total{reason="store_away"}`)
			a := as.g.get(t, "/trivial.php?"+as.query, "one").wantRefusal(t, 503, "store_away")
			if a.header.Get("Retry-After") == "" || a.took > soon {
				t.Errorf("503 after %v with %v", a.took, a.header)
			}
			as.g.awaitMetric(t, `refused_total{reason="store_away"}`, before+1)
			as.g.get(t, "/trivial.php?"+as.query, "").want(t, 200) // no session, no turn
		}
	})
	t.Run("open", func(t *testing.T) {
		for i, as := range []struct {
			g     *gate
			query string
		}{{open, "x=1"}, {local, "as=open"}, {closed, "as=open"}} {
			wantNoOrder(t, as.g, fmt.Sprint("open", i), as.query)
		}
	})
	for _, g := range gates {
		if g.storeErrors(t) == 0 {
			t.Error("a gate counted no failed call to Redis")
		}
		if status, said := g.adminPage(t, "/readyz"); status != 200 {
			t.Errorf("not ready without Redis: %s", said)
		}
	}
	server.Restart()
	awaitDegraded(t, gates, 0)
	wantShared(t, gates)
	closed.get(t, "/trivial.php", "two").want(t, 200)
}

// wantLocalTurns shows that a gate keeps two requests of a session apart by
// itself, and says that it does.
func wantLocalTurns(t *testing.T, g *gate, session, query string) {
	t.Helper()
	j, end := newJournal(t), newBarrier(t)
	before := g.metric(t, "local_turns_total")
	first := g.start(t, end.page(j, "first", query), session)
	j.await(t, "begin first")
	second := g.queue(t, j.page("slow", "second", "ms=0", query), session, 1)
	end.lift(t)
	receive(t, first).want(t, 200)
	receive(t, second).want(t, 200)
	if got := fmt.Sprint(j.words(t)); got != "[begin first end first begin second end second]" {
		t.Errorf("journal %s", got)
	}
	if n := g.metric(t, "local_turns_total") - before; n != 2 {
		t.Errorf("local_turns_total rose by %v, want 2", n)
	}
}

// wantNoOrder shows that a gate lets two requests of a session pass at once.
func wantNoOrder(t *testing.T, g *gate, session, query string) {
	t.Helper()
	j, end := newJournal(t), newBarrier(t)
	before := g.metric(t, `forwarded_without_turn_total{reason="store_away"}`)
	first := g.start(t, end.page(j, "first", query), session)
	second := g.start(t, end.page(j, "second", query), session)
	j.await(t, "begin first")
	j.await(t, "begin second")
	end.lift(t)
	receive(t, first).want(t, 200)
	receive(t, second).want(t, 200)
	if n := g.metric(t, `forwarded_without_turn_total{reason="store_away"}`) - before; n != 2 {
		t.Errorf("forwarded_without_turn_total rose by %v, want 2", n)
	}
}

// wantShared shows that gates keep the requests of a session apart together.
func wantShared(t *testing.T, gates []*gate) {
	t.Helper()
	j, end := newJournal(t), newBarrier(t)
	answers := []<-chan answer{gates[0].start(t, end.page(j, "0"), "shared")}
	j.await(t, "begin 0")
	for i, g := range gates[1:] {
		answers = append(answers, g.queueShared(t, j.page("slow", fmt.Sprint(i+1), "ms=0"), "shared", 1))
	}
	end.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
	if n := j.mostAtOnce(t, func(string) bool { return true }); n != 1 {
		t.Errorf("%d requests of one session ran at once: %q", n, j.words(t))
	}
}

// Requests that wait for another gate's when Redis goes are told at once too.
func TestRequestsThatWaitWhenRedisGoesDoAsTold(t *testing.T) {
	t.Parallel()
	server, local, closed, open := startUnlike(t)
	j, end := newJournal(t), newBarrier(t)
	holder := local.start(t, end.page(j, "holder"), "one")
	j.await(t, "begin holder")
	behind := local.queueShared(t, j.page("slow", "behind", "ms=0"), "one", 1)
	refused := closed.queueShared(t, j.page("slow", "refused", "ms=0"), "one", 1)
	passed := open.queueShared(t, j.page("slow", "passed", "ms=0"), "one", 1)
	served := open.queueShared(t, j.page("slow", "served", "ms=0", "as=local"), "one", 2)
	server.Kill()
	receive(t, refused).wantRefusal(t, 503, "store_away")
	receive(t, passed).want(t, 200)
	receive(t, served).want(t, 200)
	if j.has(t, "begin refused") || j.has(t, "begin behind") {
		t.Errorf("journal %q", j.words(t))
	}
	end.lift(t)
	receive(t, holder).want(t, 200)
	receive(t, behind).want(t, 200)
	server.Restart()
	awaitDegraded(t, []*gate{local, closed, open}, 0)
	wantShared(t, []*gate{closed, local, open})
}

// A turn that a gate gave by itself is made good when Redis is back: others
// wait for its end. Where two gates gave one, one of them has lost its lease.
func TestLocalTurnsAreClaimedWhenRedisIsBack(t *testing.T) {
	t.Parallel()
	server, pool := redistest.Start(t), startPHP(t, 6)
	gates := make([]*gate, 3)
	for i := range gates {
		gates[i] = startGate(t, inFrontOf(pool), sharing(server))
	}
	server.Kill()
	awaitDegraded(t, gates, 1)
	j, end := newJournal(t), newBarrier(t)
	one := gates[0].start(t, end.page(j, "one"), "one")
	both := []<-chan answer{gates[0].start(t, end.page(j, "two-0"), "two"), gates[1].start(t, end.page(j, "two-1"), "two")}
	for _, id := range []string{"one", "two-0", "two-1"} {
		j.await(t, "begin "+id)
	}
	server.Restart()
	awaitDegraded(t, gates, 0)
	eventually(t, func() bool { return sum(t, gates, "lease_lost_total") == 1 },
		func() string { return fmt.Sprintf("%v leases are lost, want 1", sum(t, gates, "lease_lost_total")) })
	next := []<-chan answer{
		gates[1].queueShared(t, j.page("slow", "next-one", "ms=0"), "one", 1),
		gates[2].queueShared(t, j.page("slow", "next-two", "ms=0"), "two", 1),
	}
	if got := j.begun(t); len(got) != 3 {
		t.Errorf("another gate let in a request of a session that ran: %q", got)
	}
	end.lift(t)
	for _, done := range append(append(next, both...), one) {
		receive(t, done).want(t, 200)
	}
	if n := sum(t, gates, "lease_lost_total"); n != 1 {
		t.Errorf("%v leases are lost, want 1", n)
	}
	wantShared(t, gates)
}
