package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
)

// withSlots is the configuration of a gate that may use so many workers of a pool.
func withSlots(pool *fpm.Pool, slots int) string {
	return fmt.Sprintf("upstream: {servers: [{address: %q, max_in_flight: %d}]}", pool.Address(), slots)
}

const queued = `queued{priority="normal",upstream="php"}`

func TestPHPIsGivenNoMoreThanItsSlots(t *testing.T) {
	pool := startPHP(t, 6)
	g := startGate(t, inFrontOf(pool), withSlots(pool, 2))
	j, end := newJournal(t), newBarrier(t)
	const sessions = 15
	var answers []<-chan answer
	for i := range 2 * sessions {
		answers = append(answers, g.start(t, end.pageOf("journal", j, strconv.Itoa(i)), fmt.Sprintf("s%d", i%sessions)))
	}
	g.awaitMetric(t, "waiting", sessions)
	g.awaitMetric(t, queued, sessions-2)
	eventually(t, func() bool { return len(j.begun(t)) == 2 }, func() string { return fmt.Sprint(j.words(t)) })
	end.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
	if n := j.mostAtOnce(t, func(string) bool { return true }); n != 2 {
		t.Errorf("%d requests ran at once, want 2", n)
	}
	g.awaitMetric(t, fmt.Sprintf("server_in_flight{server=%q,upstream=\"php\"}", pool.Address()), 0)
}

// PHP does not stop because a client leaves: the worker is taken until it does.
func TestASlotIsKeptUntilPHPHasEnded(t *testing.T) {
	pool := startPHP(t, 6)
	g := startGate(t, inFrontOf(pool), withSlots(pool, 2))
	j, end := newJournal(t), newBarrier(t)
	var leave []context.CancelFunc
	for _, id := range []string{"a", "b"} {
		req, gone := vanish(t, request(t, http.MethodGet, end.page(j, id), id, nil))
		leave = append(leave, gone)
		g.send(req)
		j.await(t, "begin "+id)
	}
	third := g.start(t, j.page("slow", "c", "ms=0"), "c")
	g.awaitMetric(t, queued, 1)
	for _, gone := range leave {
		gone()
	}
	g.awaitMetric(t, `client_gone_total{stage="forward"}`, 2)
	if g.metric(t, queued) != 1 || j.has(t, "begin c") {
		t.Fatal("the third request runs while PHP still works for two clients that have left")
	}
	end.lift(t)
	receive(t, third).want(t, 200)
}

func TestAFullQueueOfRealRequestsRefusesWithRetryAfter(t *testing.T) {
	t.Parallel()
	pool := startPHP(t, 2)
	g := startGate(t, inFrontOf(pool), withSlots(pool, 1), "upstream: {queue: {max: 1}}", "lock: {wait_timeout: 2s}")
	j, end := newJournal(t), newBarrier(t)
	first := g.start(t, end.page(j, "a"), "a")
	j.await(t, "begin a")
	second := g.start(t, j.page("slow", "b"), "b")
	g.awaitMetric(t, queued, 1)
	g.get(t, j.page("slow", "c"), "c").wantRefusal(t, http.StatusServiceUnavailable, "queue_full")
	receive(t, second).wantRefusal(t, http.StatusServiceUnavailable, "queue_timeout")
	end.lift(t)
	receive(t, first).want(t, 200)
	if ids := j.begun(t); len(ids) != 1 {
		t.Errorf("PHP began %q", ids)
	}
}
