package proxy

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// newFullFleet is a fleet whose server a refuses, and whose server b has one slot
// that another session's request has.
func newFullFleet(t *testing.T, s *stagehand, change ...func(*rules.Policy, *Settings)) *fleet {
	t.Helper()
	o := balance.Options{Method: balance.RoundRobin, Fall: 100}
	f := newFleet(t, o, []upstreamFunc{refuses, s.php}, change...)
	f.servers[1].MaxInFlight = 1
	f.upstream().Servers.Set(o, f.servers...)
	f.send("GET", "", "Cookie", "PHPSESSID=other")
	synctest.Wait()
	f.wantCame(t, "a GET", "b GET")
	return f
}

func (f *fleet) wantCounted(what string, got float64, want int) {
	f.Helper()
	f.want(what, int(got), want)
}

// max_hold ends the turn while its request waits for the next server: that must
// not get it beside the session's next one.
func TestWhoseTurnIsOverIsNotSentToTheNextServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		f := newFullFleet(t, &s, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Second })
		first := f.send("POST", "first")
		synctest.Wait()
		second := f.send("POST", "second")
		synctest.Wait()
		f.wantCame(t, "a POST first")
		<-first.done
		first.wantStatus(t, http.StatusServiceUnavailable, ReasonQueueTimeout)
		synctest.Wait()
		if first.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		f.wantCounted("turns that ended while PHP ran", testutil.ToFloat64(f.gate.Metrics.holdExceeded), 1) // the other session's
		f.wantCounted("upstream errors", testutil.ToFloat64(f.gate.Metrics.upstreamErrors.WithLabelValues("php", "connect")), 0)
		f.wantCame(t, "a POST second")
		s.let(ok("other"))
		synctest.Wait()
		f.wantCame(t, "b POST second")
		s.let(ok("well"))
		<-second.done
		f.want("status", second.Code, http.StatusOK)
		synctest.Wait()
		f.want("said of what was not sent", strings.Count(f.log.String(), "its request is not sent"), 1)
	})
}

// A lease that is lost before the request was sent is a turn of somebody else's:
// on_lease_lost: continue is for what runs.
func TestWhoseLeaseIsLostIsNotSent(t *testing.T) {
	for name, change := range map[string]func(*rules.Policy, *Settings){
		"continue": func(*rules.Policy, *Settings) {},
		"abort":    abortOnLost,
	} {
		t.Run(name+", from server to server", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s stagehand
				f := newFullFleet(t, &s, change)
				l := onAwayLocks(f.bench)
				v := f.send("POST", "x")
				synctest.Wait()
				l.lose(0)
				v.wantRefusal(t, "lease_lost")
				f.wantCame(t, "a POST x")
				wantEnds(t, l, 0)
				s.let(ok("other"))
				synctest.Wait()
			})
		})
		t.Run(name+", in the queue", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNarrow(t, 1, balance.Options{}, change)
				n.from("10.0.0.1", "s1")
				l := onAwayLocks(n.bench)
				v := n.from("10.0.0.2", "s2")
				l.lose(0)
				v.wantRefusal(t, "lease_lost")
				n.wantState(1, 0)
				wantEnds(t, l, 0)
				n.letAll()
			})
		})
		t.Run(name+", before it asked for a slot", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, balance.Options{}, []upstreamFunc{answers}, change)
				l := onAwayLocks(f.bench)
				l.lostBefore = true
				f.send("GET", "").wantRefusal(t, "lease_lost")
				f.wantCame(t)
				wantEnds(t, l, 0)
			})
		})
	}
}

// newFullSite is a site with two slots, of which a page that may call it has one
// and another session's page the other.
func newFullSite(t *testing.T, change ...func(*rules.Policy, *Settings)) (b *bench, s *site, page, other *sitePage) {
	t.Helper()
	s = &site{}
	b = newBench(t, nil, append(change, func(_ *rules.Policy, st *Settings) { st.MaxLoopbackDepth = 3 })...)
	server := balance.NewServer("a", upstreamFunc(s.php))
	server.MaxInFlight = 2
	b.upstream().Servers = balance.New(balance.Options{}, server)
	b.send("GET", "")
	page = s.page(t, 1)
	b.send("GET", "", "Cookie", "PHPSESSID=other")
	return b, s, page, s.page(t, 2)
}

// What a page calls runs under its turn. Where max_hold ends that while the call
// waits for a slot, it would run beside the session's next request.
func TestACallWhoseCallersTurnIsOverIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, page, other := newFullSite(t, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Second })
		called := b.calls(page)
		next := b.send("POST", "next")
		<-called.done
		called.wantStatus(t, http.StatusServiceUnavailable, ReasonQueueTimeout)
		page.answer("")
		other.answer("")
		b.want("at the site", s.begun(), 3)
		s.page(t, 3).answer("")
		<-next.done
		b.want("status", next.Code, http.StatusOK)
		b.want("turns that ended while their pages ran", int(testutil.ToFloat64(b.gate.Metrics.holdExceeded)), 2)
	})
}

// A page that carries on without its lease does so with all that it calls.
func TestACallCarriesOnWithItsCallerWithoutALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, page, other := newFullSite(t)
		l := onAwayLocks(b)
		other.answer("")
		b.send("GET", "", "Cookie", "PHPSESSID=third")
		third := s.page(t, 3)
		called := b.calls(third)
		synctest.Wait()
		l.lose(0)
		page.answer("")
		s.page(t, 4).answer("")
		third.answer("")
		<-called.done
		b.want("status", called.Code, http.StatusOK)
	})
}
