package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/limiter"
)

func notEnforced(p *rules.Policy, _ *Settings) { p.Shadow = true }

// wantShadow compares the counters.
func (b *bench) wantShadow(waits, overlaps int) {
	b.Helper()
	b.want("would have waited", int(testutil.ToFloat64(b.gate.Metrics.shadowWaits)), waits)
	b.want("overlaps", int(testutil.ToFloat64(b.gate.Metrics.shadowOverlaps)), overlaps)
}

func TestWhatIsNotEnforcedHoldsNobodyUpAndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, notEnforced, func(p *rules.Policy, _ *Settings) { p.MaxWaiting = 1 })
		for range 3 {
			b.send("POST", "a body")
			synctest.Wait()
		}
		other := b.send("GET", "", "Cookie", "PHPSESSID=other")
		synctest.Wait()
		b.want("at PHP", s.running(), 4)
		b.want("sessions with a turn", b.locks.Sessions(), 0)
		b.wantShadow(1, 2)
		b.want("would have been refused", int(testutil.ToFloat64(b.gate.Metrics.shadowRefused.WithLabelValues("session_full"))), 1)
		for range 4 {
			s.let(ok("page"))
			synctest.Wait()
		}
		b.want("status", other.Code, 200)
		for want, n := range map[string]int{
			`"shadow_wait":true,"shadow_overlap":true`:                       1,
			`"shadow_refused":["session_full"],"shadow_overlap":true`:        1,
			`"shadow_overlap":true`:                                          2,
			"request ran beside an earlier one of its session, for which it": 1, // a second
			"request would have been refused, were it enforced":              1,
		} {
			if got := strings.Count(b.logged(), want); got != n {
				t.Errorf("%d lines with %s in\n%s", got, want, b.logged())
			}
		}
		b.want("holds", testutil.CollectAndCount(b.gate.Metrics.hold), 1)
	})
}

// startBeside begins an enforced request and one that is not, in this order or
// the other.
func startBeside(b *bench, enforcedFirst bool) (enforced *visit) {
	b.swap(nil, limiter.Options{}, rules.Rule{Name: "free", Match: rules.Match{Method: []string{"POST"}}, Shadow: new(true)})
	if enforcedFirst {
		enforced = b.send("GET", "")
		synctest.Wait()
		b.send("POST", "x")
	} else {
		b.send("POST", "x")
		synctest.Wait()
		enforced = b.send("GET", "")
	}
	synctest.Wait()
	return enforced
}

func TestARequestThatIsNotEnforcedRunsBesideATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		startBeside(b, true)
		b.want("at PHP", s.running(), 2)
		b.wantShadow(1, 1)
		b.send("GET", "") // waits for the turn, as ever
		synctest.Wait()
		b.want("at PHP", s.running(), 2)
		s.let(ok("the enforced one"))
		synctest.Wait()
		b.want("at PHP", s.running(), 2)
		b.wantShadow(1, 2) // the next turn began beside the one that takes none
		s.let(ok("page"))
		s.let(ok("page"))
	})
}

func TestATurnBeginsBesideARequestThatIsNotEnforced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		v := startBeside(b, false)
		b.want("at PHP", s.running(), 2)
		b.wantShadow(0, 1)
		s.let(ok("page"))
		s.let(ok("page"))
		<-v.done
		if !strings.Contains(b.logged(), `"enforced":true`) {
			t.Errorf("log:\n%s", b.log)
		}
	})
}

// Turns that follow each other do not overlap, also where somebody watches.
func TestTurnsDoNotOverlapForThoseWhoWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		b.swap(nil, limiter.Options{}, rules.Rule{Name: "free", Match: rules.Match{Path: []string{"/free"}}, Shadow: new(true)})
		b.send("GET", "")
		synctest.Wait()
		for range 30 {
			b.send("GET", "")
		}
		for range 31 {
			synctest.Wait()
			b.want("at PHP", s.running(), 1)
			s.let(ok("page"))
		}
		synctest.Wait()
		b.wantShadow(0, 0)
	})
}

func TestABarrierThatIsNotEnforcedWouldHaveWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, notEnforced)
		b.swap(nil, limiter.Options{}, rules.Rule{Name: "reads", Match: rules.Match{Method: []string{"HEAD"}}, Lock: new(rules.Barrier)})
		b.send("GET", "")
		synctest.Wait()
		b.send("HEAD", "")
		synctest.Wait()
		b.want("at PHP", s.running(), 2)
		b.wantShadow(1, 1)
		s.let(ok("page"))
		synctest.Wait()
		b.send("GET", "") // nobody waits for a barrier
		synctest.Wait()
		b.wantShadow(1, 1)
		s.let(ok("page"))
		s.let(ok("page"))
	})
}

// Every way on which a turn would end ends what is watched in its place.
func TestWhatIsWatchedEndsOnEveryPath(t *testing.T) {
	broken := func() (*http.Response, error) { return nil, errors.New("broken") }
	for name, end := range map[string]func(*bench, *stagehand, *visit){
		"answered":        func(_ *bench, s *stagehand, _ *visit) { s.let(ok("page")) },
		"upstream failed": func(_ *bench, s *stagehand, _ *visit) { s.let(broken) },
		"upstream panics": func(_ *bench, s *stagehand, _ *visit) { s.let(func() (*http.Response, error) { panic("a defect") }) },
		"page releases":   func(_ *bench, s *stagehand, _ *visit) { s.let(ok("page", ControlHeader, "release")) },
		"page holds": func(_ *bench, s *stagehand, _ *visit) {
			s.let(ok("page", ControlHeader, "hold=1s"))
			<-time.After(time.Second)
		},
		"client left": func(_ *bench, s *stagehand, v *visit) { v.leave(); <-v.done; s.let(ok("page")) },
		"max_hold":    func(_ *bench, _ *stagehand, _ *visit) { <-time.After(time.Minute) },
		"gate ended": func(b *bench, s *stagehand, _ *visit) {
			b.gate.Abort()
			s.let(func() (*http.Response, error) { return nil, errClosed })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s stagehand
				b := newBench(t, s.php, notEnforced, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
				v := b.send("GET", "")
				synctest.Wait()
				if sessions, _ := b.gate.shadows.count(); sessions != 1 {
					t.Errorf("%d sessions are watched, want 1", sessions)
				}
				end(b, &s, v)
				synctest.Wait()
				if sessions, _ := b.gate.shadows.count(); sessions != 0 {
					t.Errorf("%d sessions are watched when the turn would have ended", sessions)
				}
				b.want("hold_exceeded", int(testutil.ToFloat64(b.gate.Metrics.holdExceeded)), 0)
				for s.running() > 0 {
					s.let(ok("late"))
				}
			})
		})
	}
}

// Nobody waits for such a turn, so it keeps no stream whose client has left.
func TestAStreamThatIsNotEnforcedEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		b := newBench(t, func(*http.Request) (*http.Response, error) {
			stream := answer(nil, "Content-Type", "text/event-stream")
			stream.Body = r
			return stream, nil
		}, notEnforced)
		v := b.send("GET", "")
		_, _ = w.Write([]byte("data: 1\n\n"))
		synctest.Wait()
		v.leave()
		synctest.Wait()
		b.want("in flight", b.gate.InFlight(), 0)
	})
}

func TestARefusalByRuleThatIsNotEnforcedLeavesTheRequestToTheLaterRules(t *testing.T) {
	b := newBench(t, always)
	all := rules.Match{Path: []string{"/**"}}
	b.swap(nil, limiter.Options{},
		rules.Rule{Name: "scrapers", Match: all, Reject: new(true), Status: new(429), Shadow: new(true)},
		rules.Rule{Name: "others", Match: all, Reject: new(true), Status: new(403), Shadow: new(true)},
		rules.Rule{Name: "private", Match: rules.Match{Path: []string{"/private"}}, Reject: new(true), Status: new(403)},
		rules.Rule{Name: "shop", Match: all})
	b.want("status", b.from("192.0.2.1:1", "/", "Cookie: PHPSESSID=abc").Code, 200)
	b.want("status", b.from("192.0.2.1:1", "/private").Code, 403)
	m := b.gate.Metrics
	b.want("would have been refused", int(testutil.ToFloat64(m.shadowRefused.WithLabelValues("rule"))), 2)
	b.want("decided by", int(testutil.ToFloat64(m.requests.WithLabelValues("shop", "200"))), 1)
	if want := `"shadow_refused":["rule"],"shadow_rule":"scrapers","rule":"shop"`; !strings.Contains(b.logged(), want) {
		t.Errorf("no %s in\n%s", want, b.log)
	}
}

// A page that calls its own site would have been called under its caller's turn.
func TestABackendThatIsNotEnforcedOverlapsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, notEnforced, func(_ *rules.Policy, s *Settings) {
			s.LoopbackFrom = clientip.NewNetworks([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/24")})
		})
		b.send("GET", "")
		synctest.Wait()
		called := make(chan int)
		go func() { called <- b.from("10.1.0.7:1", "/fragment", "Cookie: PHPSESSID=abc").Code }()
		synctest.Wait()
		b.want("at PHP", s.running(), 2)
		b.wantShadow(0, 0)
		s.let(ok("page"))
		s.let(ok("fragment"))
		b.want("status", <-called, 200)
	})
}
