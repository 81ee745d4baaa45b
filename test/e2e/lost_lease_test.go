package e2e

import (
	"testing"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// While PHP runs, another gate comes to have the session's lease, as when the
// holder was stopped for longer than a lease lasts.
func TestALostLeaseIsToldAndEndsTheRequestOrNot(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ policy, first string }{
		{"continue", ""},
		{"abort", "before the answer"},
		{"abort", "in the middle of the answer"},
	} {
		t.Run(tc.policy+" "+tc.first, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			g := startGate(t, inFrontOf(startPHP(t, 3)), sharing(server), "lock: {ttl: 3s, on_lease_lost: "+tc.policy+"}")
			awaitDegraded(t, []*gate{g}, 0)
			j, end := newJournal(t), newBarrier(t)
			args := []string{}
			if tc.first == "in the middle of the answer" {
				args = append(args, "first=1")
			}
			done := g.start(t, end.page(j, "lost", args...), "one")
			j.await(t, "begin lost")
			giveAway(t, server)
			g.awaitMetric(t, "lease_lost_total", 1)
			switch tc.first {
			case "before the answer":
				receive(t, done).wantRefusal(t, 503, "lease_lost")
			case "in the middle of the answer":
				if a := receive(t, done); a.err == nil {
					t.Errorf("got %d %q as a whole answer", a.status, a.body)
				}
			}
			// Within the gate nobody else runs before PHP has ended.
			next := g.queue(t, j.page("slow", "next", "ms=0"), "one", 1)
			if j.has(t, "begin next") {
				t.Errorf("the next ran beside it: %q", j.words(t))
			}
			end.lift(t)
			if tc.policy == "continue" {
				if a := receive(t, done).want(t, 200); a.body != "last\n" {
					t.Errorf("got %q", a.body)
				}
			}
			line := g.accessLine(t, "/until.php")
			if line["lease_lost"] != true || line["level"] != "warn" {
				t.Errorf("the access line is %v", line)
			}
			j.await(t, "end lost")
			if err := server.Client(t).FlushAll(t.Context()).Err(); err != nil { // the other one has ended
				t.Fatal(err)
			}
			receive(t, next).want(t, 200)
		})
	}
}
