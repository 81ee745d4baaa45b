package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/loopback"
)

// site is an upstream each of whose pages waits for its answer, and whose tokens
// the test may pass on.
type site struct {
	mu    sync.Mutex
	pages []*sitePage
}

// sitePage is a request at the upstream.
type sitePage struct {
	token, fence string
	ctx          context.Context
	reply        chan func() (*http.Response, error)
}

func (s *site) php(r *http.Request) (*http.Response, error) {
	p := &sitePage{token: r.Header.Get(LoopbackHeader), fence: r.Header.Get(FenceHeader), ctx: r.Context(), reply: make(chan func() (*http.Response, error))}
	s.mu.Lock()
	s.pages = append(s.pages, p)
	s.mu.Unlock()
	select {
	case do := <-p.reply:
		return do()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// begun is how many requests have reached the upstream.
func (s *site) begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pages)
}

// page is the nth request that has reached it.
func (s *site) page(t *testing.T, nth int) *sitePage {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pages) < nth {
		t.Fatalf("%d requests have reached PHP, want %d", len(s.pages), nth)
	}
	return s.pages[nth-1]
}

func (p *sitePage) answer(body string, header ...string) {
	p.reply <- ok(body, header...)
	synctest.Wait()
}

// calls begins a request that a page sends to its own site.
func (b *bench) calls(p *sitePage, header ...string) *visit {
	return b.send("GET", "", append([]string{LoopbackHeader, p.token}, header...)...)
}

// wantRefused waits for a refusal.
func (v *visit) wantRefused(t *testing.T, status int, reason string) {
	t.Helper()
	<-v.done
	if v.Code != status || !strings.Contains(v.Body.String(), "\nreason: "+reason+"\n") {
		t.Errorf("status %d, %q; want %d, %s", v.Code, v.Body, status, reason)
	}
}

func (b *bench) wantLoopbacks(via Via, n int) {
	b.Helper()
	b.want("loopback_total by "+string(via), int(testutil.ToFloat64(b.gate.Metrics.loopback.WithLabelValues(string(via)))), n)
}

func (b *bench) wantUnused(why Unused, n int) {
	b.Helper()
	b.want("loopback_unused_total "+string(why), int(testutil.ToFloat64(b.gate.Metrics.loopbackUnused.WithLabelValues(string(why)))), n)
}

// loopbacks runs a test in a bubble, with a gate before a site.
func loopbacks(t *testing.T, do func(*testing.T, *bench, *site), change ...func(*rules.Policy, *Settings)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &site{}
		do(t, newBench(t, s.php, change...), s)
	})
}

func waitASecond(p *rules.Policy, _ *Settings) { p.WaitTimeout = time.Second }

func TestAPageThatCallsItsOwnSiteWithoutATokenWaitsForItself(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		outer := b.send("GET", "")
		page := s.page(t, 1)
		began := time.Now()
		b.send("GET", "").wantRefused(t, 429, "wait_timeout")
		if took := time.Since(began); took != time.Second {
			t.Errorf("refused after %v", took)
		}
		page.answer("")
		<-outer.done
	}, waitASecond)
}

func TestACallRunsUnderItsCallersTurn(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		outer := b.send("GET", "")
		page := s.page(t, 1)
		next := b.send("GET", "")
		synctest.Wait()
		call := b.calls(page)
		called := s.page(t, 2)
		if called.fence != page.fence || page.fence == "" {
			t.Errorf("the call has the fence %s, its caller %s", called.fence, page.fence)
		}
		if called.token == page.token || called.token == "" {
			t.Errorf("the call has the token %q, its caller %q", called.token, page.token)
		}
		called.answer("inner")
		b.want("ended", len(call.Body.String()), len("inner"))
		b.want("at PHP", s.begun(), 2)
		page.answer("outer")
		s.page(t, 3).answer("next")
		for _, v := range []*visit{outer, next, call} {
			<-v.done
			b.want("status", v.Code, 200)
		}
		b.wantLoopbacks(ViaHeader, 1)
		if !strings.Contains(b.log.String(), `"loopback":"header","depth":1`) {
			t.Errorf("no access line tells of the call:\n%s", b.log)
		}
	}, waitASecond)
}

// The turn is kept until both have ended, whichever does so first, and is given
// back once.
func TestTheTurnLastsAsLongAsWhatRunsUnderIt(t *testing.T) {
	leave := func(v *visit) { v.leave() }
	for _, c := range []struct {
		name       string
		first      func(outer *visit, page *sitePage, call *visit, called *sitePage)
		unanswered int // pages that are left
	}{
		{"the caller ends first", func(_ *visit, page *sitePage, _ *visit, _ *sitePage) { page.answer("") }, 1},
		{"the call ends first", func(_ *visit, _ *sitePage, _ *visit, called *sitePage) { called.answer("") }, 0},
		{"the call's page says that its session is closed", func(_ *visit, _ *sitePage, _ *visit, called *sitePage) {
			called.answer("", ControlHeader, "release")
		}, 0},
		{"the caller's page says that its session is closed", func(_ *visit, page *sitePage, _ *visit, _ *sitePage) {
			page.answer("", ControlHeader, "release")
		}, 1},
		{"the call panics", func(_ *visit, _ *sitePage, _ *visit, called *sitePage) {
			called.reply <- func() (*http.Response, error) { panic("a defect") }
		}, 0},
		{"the caller panics", func(_ *visit, page *sitePage, _ *visit, _ *sitePage) {
			page.reply <- func() (*http.Response, error) { panic("a defect") }
		}, 1},
		{"the call's client leaves, then it ends", func(_ *visit, _ *sitePage, call *visit, called *sitePage) {
			leave(call)
			called.answer("")
		}, 0},
		{"the caller's client leaves, then it ends", func(outer *visit, page *sitePage, _ *visit, _ *sitePage) {
			leave(outer)
			page.answer("")
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			loopbacks(t, func(t *testing.T, b *bench, s *site) {
				l := onAwayLocks(b)
				outer := b.send("GET", "")
				page := s.page(t, 1)
				call := b.calls(page)
				called := s.page(t, 2)
				b.send("GET", "")
				synctest.Wait()
				c.first(outer, page, call, called)
				synctest.Wait()
				wantEnds(t, l)
				b.want("at PHP", s.begun(), 2)
				[]*sitePage{page, called}[c.unanswered].answer("")
				wantEnds(t, l, 0)
				s.page(t, 3).answer("")
				wantEnds(t, l, 0, 0)
			})
		})
	}
}

func TestMaxHoldEndsTheTurnAndAllThatRunsUnderIt(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		l := onAwayLocks(b)
		b.send("GET", "")
		page := s.page(t, 1)
		<-time.After(30 * time.Second)
		b.calls(page)
		called := s.page(t, 2)
		sibling := b.calls(page)
		next := b.send("GET", "")
		<-time.After(30 * time.Second)
		synctest.Wait()
		wantEnds(t, l, 0)
		b.want("at PHP: next has its turn", s.begun(), 3)
		b.want("hold_exceeded", int(testutil.ToFloat64(b.gate.Metrics.holdExceeded)), 1)
		called.answer("")
		page.answer("")
		wantEnds(t, l, 0)
		s.page(t, 3).answer("")
		<-next.done
		// The sibling's caller has no turn any more: it has waited like any other.
		s.page(t, 4).answer("")
		<-sibling.done
		wantEnds(t, l, 0, 0, 0)
		b.wantUnused(UnusedOver, 1)
	}, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
}

// What has waited among its siblings has that much less time for its own turn.
func TestBothWaitsOfACallAreBoundedTogether(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		page := s.page(t, 1)
		b.calls(page)
		called := s.page(t, 2)
		page.answer("")
		began := time.Now()
		late := b.calls(page)
		<-late.done
		late.wantRefused(t, 429, "wait_timeout")
		if took := time.Since(began); took != time.Second {
			t.Errorf("refused after %v", took)
		}
		b.wantUnused(UnusedOver, 1)
		called.answer("")
	}, waitASecond)
}

func TestALostLeaseCutsCallerAndCallWhereItAborts(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		l := onAwayLocks(b)
		outer := b.send("GET", "")
		call := b.calls(s.page(t, 1))
		s.page(t, 2)
		l.lose(0)
		outer.wantRefusal(t, "lease_lost")
		call.wantRefusal(t, "lease_lost")
		synctest.Wait()
		wantEnds(t, l, 0)
		b.want("lease_lost", int(testutil.ToFloat64(b.gate.Metrics.leaseLost)), 1)
		b.want("lines that say so", strings.Count(b.log.String(), `"lease_lost":true`), 2)
		b.want("warnings", strings.Count(b.log.String(), "lease lost, another gate may run"), 1)
	}, abortOnLost)
}

func TestACallUnderALeaseThatWasLostBeforeIsCut(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		l := onAwayLocks(b)
		b.send("GET", "")
		page := s.page(t, 1)
		l.lose(0)
		b.change(func(s *Setup) { s.AbortOnLostLease = true })
		b.calls(page).wantRefusal(t, "lease_lost")
		page.answer("")
		wantEnds(t, l, 0)
	})
}

// The gate's end cuts both off; others wait for what was left of the turn, also
// where only the call was still running.
func TestEndOfTheGateAbandonsATurnWithACallOnce(t *testing.T) {
	for _, callerOver := range []bool{false, true} {
		t.Run(fmt.Sprint("caller over: ", callerOver), func(t *testing.T) {
			loopbacks(t, func(t *testing.T, b *bench, s *site) {
				l := onAwayLocks(b)
				b.send("GET", "")
				page := s.page(t, 1)
				<-time.After(20 * time.Second)
				b.calls(page)
				s.page(t, 2)
				if callerOver {
					page.answer("")
				}
				wantEnds(t, l)
				b.gate.Abort()
				synctest.Wait()
				wantEnds(t, l, 40*time.Second)
			}, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
		})
	}
}

func TestCallsOfOneRequestRunOneAfterAnother(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		page := s.page(t, 1)
		b.calls(page)
		first := s.page(t, 2)
		second := b.calls(page)
		third := b.calls(page)
		synctest.Wait()
		b.want("at PHP", s.begun(), 2)
		b.calls(first) // runs at once: nobody but first waits for it
		inFirst := s.page(t, 3)
		inFirst.answer("")
		second.leave()
		synctest.Wait()
		first.answer("")
		s.page(t, 4).answer("third")
		<-third.done
		b.want("status", third.Code, 200)
		page.answer("")
		b.want("left while waiting", int(testutil.ToFloat64(b.gate.Metrics.gone.WithLabelValues("wait"))), 1)
	})
}

func TestTheLineOfCallsIsBounded(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		page := s.page(t, 1)
		b.calls(page)
		first := s.page(t, 2)
		waiting := b.calls(page)
		synctest.Wait()
		b.calls(page).wantRefused(t, 429, "session_full")
		first.answer("")
		s.page(t, 3).answer("")
		<-waiting.done
		page.answer("")
	}, func(p *rules.Policy, _ *Settings) { p.MaxWaiting = 1 })
}

// The first call says that its session is closed while its own call waits for
// another: that one runs under the turn of the first page, which waits for all.
func TestACallWhoseCallerNeedsNoTurnAnyMoreRunsUnderTheNext(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		outer := s.page(t, 1)
		b.calls(outer)
		caller := s.page(t, 2)
		b.calls(caller)
		busy := s.page(t, 3)
		waits := b.calls(caller)
		synctest.Wait()
		r, w := io.Pipe()
		caller.reply <- func() (*http.Response, error) { return answer(r, ControlHeader, "release"), nil }
		synctest.Wait()
		busy.answer("")
		s.page(t, 4).answer("")
		b.want("status", waits.Code, 200)
		_ = w.Close()
		outer.answer("")
		b.wantUnused(UnusedOver, 0)
	}, waitASecond)
}

func TestCallsAreLimitedInDepth(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		for depth := 1; depth <= 3; depth++ {
			b.calls(s.page(t, depth))
		}
		b.calls(s.page(t, 4)).wantRefused(t, 508, "loopback_depth")
		b.want("at PHP", s.begun(), 4)
		for nth := 4; nth >= 1; nth-- {
			s.page(t, nth).answer("")
		}
	}, func(_ *rules.Policy, s *Settings) { s.MaxLoopbackDepth = 3 })
}

// A page that does not wait for those whom it calls goes round all the same.
func TestDepthCountsCallsOfRequestsThatAreOver(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		page := s.page(t, 1)
		page.answer("")
		b.calls(page)
		second := s.page(t, 2)
		second.answer("")
		b.calls(second).wantRefused(t, 508, "loopback_depth")
		b.wantUnused(UnusedOver, 1)
	}, func(_ *rules.Policy, s *Settings) { s.MaxLoopbackDepth = 1 })
}

func TestATokenOfNoUseLeavesAnOrdinaryRequest(t *testing.T) {
	for _, c := range []struct {
		name   string
		header func(b *bench, page *sitePage) []string
		why    Unused
	}{
		{"made up", func(*bench, *sitePage) []string { return []string{LoopbackHeader, "made-up"} }, UnusedInvalid},
		{"empty", func(*bench, *sitePage) []string { return []string{LoopbackHeader, ""} }, UnusedInvalid},
		{"another secret's", func(b *bench, _ *sitePage) []string {
			return []string{LoopbackHeader, loopback.NewSigner(nil).Sign(loopback.Token{Gate: b.gate.callers.gate, Request: 1, Expires: time.Now().Add(time.Hour)})}
		}, UnusedInvalid},
		{"of a request that never was", func(b *bench, _ *sitePage) []string {
			return []string{LoopbackHeader, b.gate.Loopback.Sign(loopback.Token{Gate: b.gate.callers.gate, Request: 99, Expires: time.Now().Add(time.Hour)})}
		}, UnusedOver},
		{"expired, of another gate", func(b *bench, _ *sitePage) []string {
			return []string{LoopbackHeader, b.gate.Loopback.Sign(loopback.Token{Gate: 1, Request: 1, Expires: time.Now()})}
		}, UnusedExpired},
		{"another session's", func(_ *bench, page *sitePage) []string {
			return []string{LoopbackHeader, page.token, "Cookie", "PHPSESSID=other"}
		}, UnusedSession},
	} {
		t.Run(c.name, func(t *testing.T) {
			loopbacks(t, func(t *testing.T, b *bench, s *site) {
				for i, session := range []string{"abc", "other"} {
					b.send("GET", "", "Cookie", "PHPSESSID="+session)
					s.page(t, i+1)
				}
				v := b.send("GET", "", c.header(b, s.page(t, 1))...)
				synctest.Wait()
				b.want("at PHP", s.begun(), 2)
				b.wantUnused(c.why, 1)
				s.page(t, 1).answer("")
				s.page(t, 2).answer("")
				s.page(t, 3).answer("")
				<-v.done
				b.want("status", v.Code, 200)
			})
		})
	}
}

func TestTwoTokensAreNone(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		page := s.page(t, 1)
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = http.Header{"Cookie": {"PHPSESSID=abc"}, LoopbackHeader: {page.token, page.token}}
		v := httptest.NewRecorder()
		b.gate.ServeHTTP(v, r)
		b.want("status", v.Code, 429)
		b.wantUnused(UnusedInvalid, 1)
		page.answer("")
	}, waitASecond)
}

// A request without a limit on its turn outlives what other gates believe of its
// token; its own gate knows better.
func TestATokenLastsAsLongAsItsRequestInItsOwnGate(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		page := s.page(t, 1)
		<-time.After(2 * maxTokenLife)
		b.calls(page)
		s.page(t, 2).answer("")
		page.answer("")
		b.wantLoopbacks(ViaHeader, 1)
	})
}

// A page without a lock between the two passes the caller's turn on: it would
// wait for who waits for it, too.
func TestACallOfACallFindsTheTurnBehindOnesWithoutALock(t *testing.T) {
	for _, lock := range []rules.LockMode{rules.None, rules.Barrier} {
		t.Run(fmt.Sprint(lock), func(t *testing.T) {
			loopbacks(t, func(t *testing.T, b *bench, s *site) {
				set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php", WaitTimeout: time.Second},
					[]rules.Rule{{Name: "between", Match: rules.Match{Method: []string{"PUT"}}, Lock: &lock}})
				if err != nil {
					t.Fatal(err)
				}
				b.useRules(set)
				b.send("GET", "")
				outer := s.page(t, 1)
				b.send("PUT", "", LoopbackHeader, outer.token)
				between := s.page(t, 2)
				inner := b.calls(between)
				s.page(t, 3).answer("")
				between.answer("")
				outer.answer("")
				b.want("status", inner.Code, 200)
			})
		})
	}
}

// Two sessions, or two lines of one: the second calls the first again.
func TestACallOfACallFindsTheTurnBehindAnotherSessions(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "")
		outer := s.page(t, 1)
		b.calls(outer, "Cookie", "PHPSESSID=other")
		other := s.page(t, 2)
		b.calls(other)
		s.page(t, 3).answer("")
		other.answer("")
		outer.answer("")
		b.wantLoopbacks(ViaHeader, 1)
		b.wantUnused(UnusedSession, 1)
	}, waitASecond)
}

func TestTheTokenNeverReachesTheClient(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		v := b.send("GET", "", LoopbackHeader, "from outside")
		page := s.page(t, 1)
		if page.token == "from outside" || page.token == "" {
			t.Errorf("PHP got %q", page.token)
		}
		page.answer("", LoopbackHeader, page.token)
		<-v.done
		if got := v.Header()[LoopbackHeader]; got != nil {
			t.Errorf("the client got %q", got)
		}
		if strings.Contains(b.log.String(), page.token) {
			t.Error("the token is in the log")
		}
	})
}

func TestARequestWithoutATurnGetsNoToken(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.send("GET", "", "Cookie", "a=b")
		page := s.page(t, 1)
		if page.token != "" {
			t.Errorf("got %q", page.token)
		}
		page.answer("")
	})
}

// fromBackend sends a request of the session from an address.
func (b *bench) fromBackend(address string) *visit {
	r := httptest.NewRequest("GET", "/cart", nil)
	r.RemoteAddr = address
	r.Header.Set("Cookie", "PHPSESSID=abc")
	r.Header.Set("X-Forwarded-For", "192.0.2.200")
	v := &visit{ResponseRecorder: httptest.NewRecorder(), done: make(chan struct{})}
	go func() {
		defer close(v.done)
		b.gate.ServeHTTP(v, r)
	}()
	return v
}

func fromBackends(p *rules.Policy, s *Settings) {
	waitASecond(p, s)
	s.LoopbackFrom = clientip.NewNetworks([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/24")})
	s.MaxLoopbackDepth = 2
}

func TestABackendsRequestRunsUnderTheTurnThatItsSessionHas(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		l := onAwayLocks(b)
		b.send("GET", "")
		page := s.page(t, 1)
		b.fromBackend("10.1.0.7:5000")
		called := s.page(t, 2)
		b.fromBackend("[::ffff:10.1.0.7]:5001") // of the page or of the call: nobody knows
		s.page(t, 3)
		b.fromBackend("10.1.0.7:5002").wantRefused(t, 508, "loopback_depth")
		b.fromBackend("10.2.0.7:5003").wantRefused(t, 429, "wait_timeout")
		page.answer("")
		called.answer("")
		wantEnds(t, l)
		s.page(t, 3).answer("")
		wantEnds(t, l, 0)
		b.wantLoopbacks(ViaAddress, 2)
	}, fromBackends)
}

func TestABackendsRequestIsAnOrdinaryOneWhereItsSessionHasNoTurn(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.fromBackend("10.1.0.7:5000")
		s.page(t, 1).answer("")
		b.wantLoopbacks(ViaAddress, 0)
	}, fromBackends)
}

func TestAProxysRequestIsNoBackends(t *testing.T) {
	loopbacks(t, func(t *testing.T, b *bench, s *site) {
		b.trust("10.1.0.0/16")
		b.send("GET", "")
		page := s.page(t, 1)
		b.fromBackend("10.1.0.7:5000").wantRefused(t, 429, "wait_timeout")
		page.answer("")
	}, fromBackends)
}
