package proxy

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
)

// A request that waits for its turn while the setup changes is bound by the one
// with which it came; the next one by the new one.
func TestARequestKeepsTheSetupWithWhichItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.WaitTimeout = time.Minute })
		running := b.send("GET", "")
		synctest.Wait()
		waiting := b.send("GET", "")
		synctest.Wait()

		set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php", RejectBusy: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.change(func(s *Setup) { s.Rules, s.AccessLog = set, false })
		refused := b.send("GET", "")
		<-refused.done
		if refused.Code != 429 || !strings.Contains(refused.Body.String(), "session_busy") {
			t.Errorf("after the change: %d %s", refused.Code, refused.Body)
		}
		for _, v := range []*visit{running, waiting} {
			synctest.Wait()
			s.let(ok("page"))
			<-v.done
			b.want("status", v.Code, 200)
		}
		synctest.Wait()
		b.want("access lines", strings.Count(b.log.String(), `"message":"request"`), 2)
	})
}

// Who is in keeps the place, and counts among those for whom there is less room.
func TestBoundsOfAnotherSetupHoldForWhoComes(t *testing.T) {
	uploads := newPlaces(ReasonUploadsTotal, ReasonUploadsClient)
	for range 3 {
		if _, ok := uploads.begin("a"); !ok {
			t.Fatal("refused without a bound")
		}
	}
	uploads.bound(4, 2)
	if reason, ok := uploads.begin("a"); ok || reason != ReasonUploadsClient {
		t.Errorf("beyond the client's bound: %q", reason)
	}
	if _, ok := uploads.begin("b"); !ok {
		t.Error("another client is refused")
	}
	if reason, ok := uploads.begin("b"); ok || reason != ReasonUploadsTotal {
		t.Errorf("beyond the bound of all: %q", reason)
	}
	for _, client := range []string{"a", "a", "a", "b"} {
		uploads.end(client)
	}
	if uploads.count() != 0 || len(uploads.byClient) != 0 {
		t.Errorf("left behind: %d, %v", uploads.count(), uploads.byClient)
	}
}

// When the lock begins to be enforced, what runs from before has taken no turn: a
// request that now has one runs beside it, and that is seen.
func TestOverlapsWithWhatWasNotEnforcedAreSeenBehindAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.Shadow = true })
		before := b.send("GET", "")
		synctest.Wait()

		set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.useRules(set)
		enforced := b.send("GET", "")
		synctest.Wait()
		for _, v := range []*visit{before, enforced} {
			synctest.Wait()
			s.let(ok("page"))
			<-v.done
		}
		b.want("overlaps", int(testutil.ToFloat64(b.gate.Metrics.shadowOverlaps)), 1)

		later := b.send("GET", "")
		synctest.Wait()
		if sessions, _ := b.gate.shadows.count(); sessions != 0 {
			t.Errorf("%d sessions are watched when all is enforced", sessions)
		}
		synctest.Wait()
		s.let(ok("page"))
		<-later.done
	})
}

// What is under way while its rule is taken out counts when it has ended, which
// may be many changes later. It leaves nothing behind, and nobody else's counters
// go with it.
func TestCountersThatComeBehindTheirRulesEndAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		use := func(name string) {
			set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php", Lock: rules.None}, []rules.Rule{
				{Name: name, Match: rules.Match{Path: []string{"/cart"}}},
				{Name: "always", Match: rules.Match{Path: []string{"/always"}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			b.useRules(set)
		}
		var visits []*visit
		for i := range 5 {
			use(fmt.Sprint("made-up-", i))
			visits = append(visits, b.send("GET", ""))
			synctest.Wait()
		}
		s.let(ok("page")) // under a setup that has been left
		s.let(ok("page"))
		for i := range 5 {
			use(fmt.Sprint("later-", i))
		}
		synctest.Wait()
		for s.running() > 0 {
			s.let(ok("page"))
			synctest.Wait()
		}
		for _, v := range visits {
			<-v.done
		}
		synctest.Wait()
		if got := testutil.CollectAndCount(b.gate.Metrics.requests); got != 0 {
			t.Errorf("%d counters of requests by rules that are gone", got)
		}
		b.want("names that are kept", len(b.gate.Metrics.names.setups), 4) // the base's, always, and the last two
	})
}

// A program that writes the rules makes up names: their counters do not pile up.
func TestCountersOfRulesThatAreGoneAreForgotten(t *testing.T) {
	var s stagehand
	b := newBench(t, s.php)
	reject := true
	for i := range 5 {
		set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php", Status: 403}, []rules.Rule{
			{Name: "always", Match: rules.Match{Path: []string{"/always"}}, Reject: &reject},
			{Name: fmt.Sprint("made-up-", i), Match: rules.Match{Path: []string{"/cart"}}, Reject: &reject},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.useRules(set)
		b.want("status", b.ask("GET", "/cart", nil).Code, 403)
		b.want("status", b.ask("GET", "/always", nil).Code, 403)
	}
	if got := testutil.CollectAndCount(b.gate.Metrics.requests); got != 3 {
		t.Errorf("%d counters of requests by rule, want those of always and of the last two", got)
	}
	if got := testutil.ToFloat64(b.gate.Metrics.requests.WithLabelValues("always", "403")); got != 5 {
		t.Errorf("always has %v, want 5", got)
	}
}
