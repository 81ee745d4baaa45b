package proxy

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/loopback"
)

// twoGates are before two sites; with one secret they know each other's tokens.
func twoGates(t *testing.T, secrets [2]string, do func(t *testing.T, gates [2]*bench, sites [2]*site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var gates [2]*bench
		var sites [2]*site
		for i := range gates {
			sites[i] = &site{}
			gates[i] = newBench(t, sites[i].php, func(p *rules.Policy, s *Settings) {
				p.WaitTimeout, p.MaxHold, s.MaxLoopbackDepth = time.Second, time.Minute, 3
			})
			gates[i].gate.Loopback = loopback.NewSigner([]byte(secrets[i]))
		}
		do(t, gates, sites)
	})
}

// The session's turn is in the first gate; the second one has a line of its own
// for that session, in which somebody runs: the turns of one gate say nothing of
// the other's.
func TestACallThatReachesAnotherGateRunsThere(t *testing.T) {
	twoGates(t, [2]string{"one", "one"}, func(t *testing.T, gates [2]*bench, sites [2]*site) {
		gates[0].send("GET", "")
		page := sites[0].page(t, 1)
		gates[1].send("GET", "")
		sites[1].page(t, 1)
		gates[1].calls(page)
		called := sites[1].page(t, 2)
		if called.fence != page.fence {
			t.Errorf("the call has the fence %s, its caller %s", called.fence, page.fence)
		}
		sibling := gates[1].calls(page)
		synctest.Wait()
		gates[1].want("at PHP: calls of one request run one after another there, too", sites[1].begun(), 2)
		called.answer("")
		sites[1].page(t, 3).answer("")
		<-sibling.done
		gates[1].wantLoopbacks(ViaOtherGate, 2)
		sites[1].page(t, 1).answer("")
		page.answer("")
	})
}

// From the first gate to the second and back: the turn is found again, and kept.
func TestACallThatComesBackOverAnotherGateKeepsTheTurn(t *testing.T) {
	twoGates(t, [2]string{"one", "one"}, func(t *testing.T, gates [2]*bench, sites [2]*site) {
		l := onAwayLocks(gates[0])
		gates[0].send("GET", "")
		page := sites[0].page(t, 1)
		gates[1].calls(page)
		there := sites[1].page(t, 1)
		gates[0].calls(there)
		back := sites[0].page(t, 2)
		page.answer("")
		there.answer("")
		wantEnds(t, l)
		back.answer("")
		wantEnds(t, l, 0)
		gates[0].wantLoopbacks(ViaOtherGate, 1)
	})
}

func TestDepthCountsOverGates(t *testing.T) {
	twoGates(t, [2]string{"one", "one"}, func(t *testing.T, gates [2]*bench, sites [2]*site) {
		gates[0].send("GET", "")
		pages := []*sitePage{sites[0].page(t, 1)}
		for depth := 1; depth <= 3; depth++ {
			gates[depth%2].calls(pages[depth-1])
			pages = append(pages, sites[depth%2].page(t, 1+depth/2))
		}
		gates[0].calls(pages[3]).wantRefused(t, 508, "loopback_depth")
		for _, p := range pages {
			p.answer("")
		}
	})
}

func TestAnotherGatesTokenEndsWithMaxHold(t *testing.T) {
	twoGates(t, [2]string{"one", "one"}, func(t *testing.T, gates [2]*bench, sites [2]*site) {
		gates[0].send("GET", "")
		page := sites[0].page(t, 1)
		<-time.After(59 * time.Second)
		gates[1].calls(page)
		called := sites[1].page(t, 1)
		called.answer("")
		<-time.After(time.Second)
		for _, late := range []*sitePage{page, called} { // a call's token lasts no longer than its caller's
			gates[1].calls(late)
		}
		sites[1].page(t, 2).answer("")
		sites[1].page(t, 3).answer("")
		gates[1].wantUnused(UnusedExpired, 1)
		gates[1].wantUnused(UnusedOver, 1)
		page.answer("")
	})
}

func TestGatesOfTwoSecretsDoNotKnowEachOthersTokens(t *testing.T) {
	twoGates(t, [2]string{"", ""}, func(t *testing.T, gates [2]*bench, sites [2]*site) {
		gates[0].send("GET", "")
		page := sites[0].page(t, 1)
		gates[1].send("GET", "")
		busy := sites[1].page(t, 1)
		gates[1].calls(page).wantRefused(t, 429, "wait_timeout")
		gates[1].wantUnused(UnusedInvalid, 1)
		busy.answer("")
		page.answer("")
	})
}
