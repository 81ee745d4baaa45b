package proxy

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// newNarrowSite is a gate before one server with one slot, played by a site.
func newNarrowSite(t *testing.T, reserve int) (*bench, *site) {
	t.Helper()
	s := &site{}
	b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.WaitTimeout = time.Second })
	server := balance.NewServer("a", upstreamFunc(s.php))
	server.MaxInFlight = 1
	b.upstream().Servers = balance.New(balance.Options{Reserve: reserve, MaxInFlightPerClient: 1, MaxQueued: 1}, server)
	return b, s
}

// The page keeps the only slot. What it calls, with a session or without, has the
// reserve, and that of what it calls in turn is another.
func TestACallDoesNotWaitForItsCallersSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newNarrowSite(t, 1)
		b.send("GET", "")
		page := s.page(t, 1)
		queued := b.send("GET", "", "Cookie", "PHPSESSID=other")
		synctest.Wait()
		b.calls(page, "Cookie", "none=here")
		called := s.page(t, 2)
		b.calls(called)
		s.page(t, 3).answer("")
		b.want("at PHP", s.begun(), 3)
		called.answer("")
		page.answer("")
		s.page(t, 4).answer("")
		b.want("status", queued.Code, 200)
	})
}

func TestWithoutAReserveACallWaitsForItsCallersSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newNarrowSite(t, 0)
		b.send("GET", "")
		page := s.page(t, 1)
		b.calls(page).wantRefused(t, 429, "client_slots")
		b.want("at PHP", s.begun(), 1)
		page.answer("")
		b.want("slots", b.upstream().Servers.Status()[0].InFlight, 0)
	})
}

// A page may show its token. Whoever brings it then gets no more of the servers
// than the page's client may have, but for the reserve.
func TestATokenIsWorthNoMoreSlotsThanTheReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newNarrowSite(t, 1)
		b.upstream().Servers.Status()[0].Server.MaxInFlight = 9
		b.send("GET", "")
		page := s.page(t, 1)
		first, second := b.calls(page, "Cookie", "none=here"), b.calls(page, "Cookie", "none=here")
		synctest.Wait()
		b.want("at PHP", s.begun(), 2)
		s.page(t, 2).answer("")
		s.page(t, 3).answer("")
		b.want("status", first.Code+second.Code, 400)
		page.answer("")
	})
}

// Whoever has seen a token and sends request upon request with it goes past the
// others with one of them at a time, also where a client has no bound.
func TestATokenPassesOthersByOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newNarrowSite(t, 1)
		server := b.upstream().Servers.Status()[0].Server
		b.upstream().Servers = balance.New(balance.Options{Reserve: 1}, server)
		b.send("GET", "")
		page := s.page(t, 1)
		var calls []*visit
		for range 4 {
			calls = append(calls, b.calls(page, "Cookie", "none=here"))
		}
		synctest.Wait()
		b.want("at PHP", s.begun(), 2) // one has the reserve
		stranger := b.send("GET", "", "Cookie", "PHPSESSID=other")
		synctest.Wait()
		page.answer("")
		s.page(t, 2).answer("")
		b.want("at PHP", s.begun(), 4) // the stranger, who has a turn, and the next call
		if s.page(t, 3).fence == "" && s.page(t, 4).fence == "" {
			t.Error("two calls have passed the stranger")
		}
		for p := 3; p <= 6; p++ {
			s.page(t, p).answer("")
		}
		b.want("status", stranger.Code, 200)
		for _, c := range calls {
			b.want("status of a call", c.Code, 200)
		}
	})
}
