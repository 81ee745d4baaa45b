package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/admission"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// narrow is a gate before one server with few slots, played by a stagehand.
type narrow struct {
	*bench
	stagehand
	pool *balance.Pool
}

// newNarrow makes one. It may be used inside a synctest bubble.
func newNarrow(t *testing.T, slots int, o balance.Options, change ...func(*rules.Policy, *Settings)) *narrow {
	t.Helper()
	n := &narrow{}
	n.bench = newBench(t, nil, change...)
	n.trust("192.0.2.0/24") // httptest's clients
	s := balance.NewServer("a", upstreamFunc(n.php))
	s.MaxInFlight = slots
	n.pool = balance.New(o, s)
	n.upstream().Servers = n.pool
	t.Cleanup(func() {
		if inFlight := n.pool.Status()[0].InFlight; inFlight != 0 || n.queued() != 0 {
			t.Errorf("left behind: %d slots, %d in the queue", inFlight, n.queued())
		}
	})
	return n
}

func (n *narrow) queued() (all int) {
	for _, p := range admission.Priorities() {
		all += n.pool.Queued(p)
	}
	return all
}

// from sends a request of a client's session.
func (n *narrow) from(client, session string) *visit {
	v := n.send("GET", "", "X-Forwarded-For", client, "Cookie", "PHPSESSID="+session, "Connection", "Upgrade", "Upgrade", "echo")
	synctest.Wait()
	return v
}

func (n *narrow) wantState(running, queued int) {
	n.Helper()
	synctest.Wait()
	n.want("at PHP", n.running(), running)
	n.want("in the queue", n.queued(), queued)
}

// letAll answers whatever reaches PHP until nothing does.
func (n *narrow) letAll() {
	for synctest.Wait(); n.running() > 0; synctest.Wait() {
		n.let(ok(""))
	}
}

func waits(d time.Duration) func(*rules.Policy, *Settings) {
	return func(p *rules.Policy, _ *Settings) { p.WaitTimeout = d }
}

func TestRequestsBeyondTheSlotsWaitAndClientsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{})
		n.from("10.0.0.1", "s1")
		greedy := n.from("10.0.0.1", "s2")
		n.from("10.0.0.1", "s3")
		other := n.from("10.0.0.2", "s4")
		n.wantState(1, 3)
		n.let(ok(""))
		n.wantState(1, 2)
		n.let(ok(""))
		n.wantState(1, 1)
		n.let(ok(""))
		n.wantState(1, 0)
		if !greedy.ended() || !other.ended() {
			t.Error("the other client did not come second")
		}
		n.letAll()
	})
}

func TestHighPriorityIsServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{})
		n.from("10.0.0.1", "s1")
		usual := n.from("10.0.0.2", "s2")
		set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php", MaxWaiting: 64, Priority: rules.High}, nil)
		if err != nil {
			t.Fatal(err)
		}
		n.useRules(set)
		urgent := n.from("10.0.0.3", "s3")
		n.let(ok(""))
		n.wantState(1, 1)
		n.let(ok(""))
		synctest.Wait()
		if !urgent.ended() || usual.ended() {
			t.Error("the request of high priority was not first")
		}
		n.letAll()
	})
}

// However a run ends, the next request gets the slot then, and not before.
func TestTheSlotIsGivenBackWhenTheRunHasEnded(t *testing.T) {
	ends := map[string]func(*narrow, *visit){
		"answer": func(n *narrow, _ *visit) { n.let(ok("")) },
		"error":  func(n *narrow, _ *visit) { n.let(func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }) },
		"panic":  func(n *narrow, _ *visit) { n.let(func() (*http.Response, error) { panic("a defect") }) },
		"bad":    func(n *narrow, _ *visit) { n.let(ok("", "a field", "with a space in its name")) },
		"client left": func(n *narrow, v *visit) {
			v.leave()
			n.wantState(1, 1)
			n.let(ok(""))
		},
		"response_timeout": func(n *narrow, v *visit) {
			<-v.done
			n.wantState(1, 1)
			n.let(ok(""))
		},
		"max_hold": func(n *narrow, _ *visit) {
			<-time.After(time.Minute)
			n.wantState(1, 1)
			n.let(ok(""))
		},
		"broken answer": func(n *narrow, _ *visit) {
			r, w := io.Pipe()
			n.let(func() (*http.Response, error) { return answer(r), nil })
			_, _ = w.Write([]byte("half"))
			n.wantState(0, 1)
			_ = w.CloseWithError(io.ErrUnexpectedEOF)
		},
		"upgrade": func(n *narrow, _ *visit) {
			conn, far := net.Pipe()
			n.let(func() (*http.Response, error) {
				resp := answer(nil, "Connection", "Upgrade", "Upgrade", "echo")
				resp.StatusCode, resp.Body = http.StatusSwitchingProtocols, conn
				return resp, nil
			})
			n.wantState(1, 0) // while the connection is open
			_ = far.Close()
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNarrow(t, 1, balance.Options{}, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
				n.upstream().ResponseTimeout = 50 * time.Second
				first := n.from("10.0.0.1", "s1")
				second := n.from("10.0.0.2", "s2")
				n.wantState(1, 1)
				end(n, first)
				n.wantState(1, 0)
				n.let(ok("second"))
				if <-second.done; second.Body.String() != "second" {
					t.Errorf("the second client got %q", second.Body)
				}
			})
		})
	}
}

func TestAClientThatLeavesTheQueueGivesItsTurnBackToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{})
		n.from("10.0.0.1", "s1")
		first := n.from("10.0.0.2", "s2")
		second := n.from("10.0.0.3", "s2") // behind the first in its session's line
		n.wantState(1, 1)
		first.leave()
		<-first.done
		n.wantState(1, 1)
		n.want("left in the queue", int(testutil.ToFloat64(n.gate.Metrics.gone.WithLabelValues("admit"))), 1)
		n.letAll()
		if !second.ended() || second.Code != http.StatusOK {
			t.Error("the next of the session did not run")
		}
	})
}

func TestWaitTimeoutCoversTheLineAndTheQueueTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 2, balance.Options{}, waits(10*time.Second))
		n.from("10.0.0.1", "s1")
		n.from("10.0.0.1", "s2")
		n.from("10.0.0.2", "s3") // takes the slot that comes free
		began := time.Now()
		second := n.from("10.0.0.1", "s1")
		<-time.After(6 * time.Second)
		n.let(ok("")) // the second has its turn now, and no slot
		n.wantState(2, 1)
		<-second.done
		if waited := time.Since(began); waited != 10*time.Second {
			t.Errorf("refused after %s", waited)
		}
		second.wantStatus(t, http.StatusServiceUnavailable, ReasonQueueTimeout)
		if !saysRetry(second, 1, 60) {
			t.Errorf("Retry-After %q", second.Header().Get("Retry-After"))
		}
		n.want("turns", n.locks.Sessions(), 2)
		n.letAll()
	})
}

// What comes first to its turn when no time is left does not enter the queue.
func TestATurnThatCameTooLateTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{}, waits(time.Second), func(p *rules.Policy, _ *Settings) { p.ForwardOnTimeout = true })
		n.from("10.0.0.1", "s1")
		second := n.from("10.0.0.1", "s1")
		<-second.done
		second.wantStatus(t, http.StatusServiceUnavailable, ReasonQueueTimeout)
		n.letAll()
	})
}

func TestAFullQueueRefusesBeforeTheBodyIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{MaxQueued: 1})
		n.from("10.0.0.1", "s1")
		n.from("10.0.0.1", "s2")
		r := httptest.NewRequest("POST", "/cart", failingBody{t})
		r.Header.Set("X-Forwarded-For", "10.0.0.1")
		r.Header.Set("Expect", "100-continue")
		v := &visit{ResponseRecorder: httptest.NewRecorder()}
		n.gate.ServeHTTP(v, r)
		v.wantStatus(t, http.StatusServiceUnavailable, ReasonQueueFull)
		n.letAll()
	})
}

// The queue is full of a client that has all slots it may have: that is what it
// is told, with a Retry-After by its own slots, though its body is not read.
func TestAFullQueueTellsAClientThatItsOwnSlotsAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 2, balance.Options{MaxQueued: 1, MaxInFlightPerClient: 1})
		n.from("10.0.0.1", "s1")
		n.from("10.0.0.2", "s2")
		n.from("10.0.0.1", "s3")
		refused := n.from("10.0.0.1", "s4")
		<-refused.done
		refused.wantStatus(t, http.StatusTooManyRequests, ReasonClientSlots)
		n.letAll()
	})
}

func TestWhoGivesWayInTheQueueIsRefusedAndGivesItsTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{MaxQueued: 2})
		n.from("10.0.0.1", "s1")
		n.from("10.0.0.1", "s2")
		gone := n.from("10.0.0.1", "s3")
		other := n.from("10.0.0.2", "s4")
		<-gone.done
		gone.wantStatus(t, http.StatusServiceUnavailable, ReasonQueueFull)
		n.want("sessions", n.locks.Sessions(), 3)
		n.letAll()
		if <-other.done; other.Code != http.StatusOK {
			t.Errorf("the other client got %d", other.Code)
		}
	})
}

func TestAClientThatWaitsForItsOwnSlotsIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 2, balance.Options{MaxInFlightPerClient: 1}, waits(time.Second))
		n.from("10.0.0.1", "s1")
		second := n.from("10.0.0.1", "s2")
		other := n.from("10.0.0.2", "s3")
		n.wantState(2, 1)
		<-second.done
		second.wantStatus(t, http.StatusTooManyRequests, ReasonClientSlots)
		n.letAll()
		if !other.ended() {
			t.Error("the other client had no slot")
		}
	})
}

// max_hold bounds how long PHP may take, not how long its slot is waited for.
func TestMaxHoldBeginsWithTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{}, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
		n.from("10.0.0.1", "s1")
		n.from("10.0.0.2", "s2")
		n.from("10.0.0.2", "s2") // must not run beside the one before
		<-time.After(50 * time.Second)
		n.let(ok(""))
		n.wantState(1, 0)
		<-time.After(59 * time.Second)
		synctest.Wait()
		n.want("hold_exceeded", int(testutil.ToFloat64(n.gate.Metrics.holdExceeded)), 0)
		n.wantState(1, 0)
		<-time.After(time.Second)
		synctest.Wait()
		n.want("hold_exceeded", int(testutil.ToFloat64(n.gate.Metrics.holdExceeded)), 1)
		n.wantState(1, 1) // the next has its turn, and no slot: PHP runs on
		n.letAll()
	})
}

func TestADrainLetsTheQueueFinishAndAbortRefusesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{})
		n.from("10.0.0.1", "s1")
		second := n.from("10.0.0.2", "s2")
		drained := make(chan error, 1)
		go func() { drained <- n.gate.Drain(context.Background()) }()
		n.wantState(1, 1)
		n.let(ok(""))
		n.wantState(1, 0)
		third := n.from("10.0.0.3", "s3") // of a connection that was there before
		n.gate.Abort()
		<-third.done
		third.wantStatus(t, http.StatusServiceUnavailable, ReasonShuttingDown)
		n.let(ok(""))
		<-second.done
		if err := <-drained; err != nil {
			t.Errorf("drain: %v", err)
		}
	})
}

func TestWhatIsNotEnforcedDoesNotWaitForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{MaxQueued: 1}, func(p *rules.Policy, _ *Settings) { p.Shadow = true })
		for _, session := range []string{"s1", "s2", "s3"} {
			n.from("10.0.0.1", session)
		}
		n.wantState(3, 0)
		n.want("would have waited", int(testutil.ToFloat64(n.gate.Metrics.shadowQueued)), 2)
		n.letAll()
		line := n.log.String()
		n.want("access lines that say so", strings.Count(line, `"shadow_queued":true`), 2)
		n.want("lines of their own, of which one a second is written", strings.Count(line, "would have waited for a slot"), 1)
	})
}

func TestTheQueueIsSeenInLineAndMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{}, func(_ *rules.Policy, s *Settings) { s.SlowWait = 2 * time.Second })
		n.from("10.0.0.1", "s1")
		n.from("10.0.0.2", "s2")
		<-time.After(3 * time.Second)
		n.letAll()
		if line := n.log.String(); strings.Count(line, `"queued":`) != 1 || !strings.Contains(line, `"queued":3000`) || strings.Count(line, `"level":"warn"`) != 1 {
			t.Errorf("log: %s", line)
		}
	})
}

// twoServers is a fleet of a server that refuses and one with a slot.
func twoServers(t *testing.T, s *stagehand, change ...func(*rules.Policy, *Settings)) *fleet {
	t.Helper()
	f := newFleet(t, balance.Options{}, []upstreamFunc{refuses, s.php}, change...)
	for _, one := range f.servers {
		one.MaxInFlight = 1
	}
	f.upstream().Servers = balance.New(balance.Options{Fall: 100}, f.servers...)
	return f
}

func TestWhatAServerRefusesWaitsForASlotOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		f := twoServers(t, &s)
		first := f.send("POST", "one", "Cookie", "PHPSESSID=s1")
		synctest.Wait()
		second := f.send("POST", "two", "Cookie", "PHPSESSID=s2")
		synctest.Wait()
		third := f.send("POST", "three", "Cookie", "PHPSESSID=s3")
		synctest.Wait()
		f.want("at PHP", s.running(), 1)
		third.leave() // the wait of its run ends with it
		<-third.done
		s.let(ok("first"))
		synctest.Wait()
		f.want("at PHP", s.running(), 1)
		s.let(ok("second"))
		<-first.done
		<-second.done
		if first.Body.String() != "first" || second.Body.String() != "second" {
			t.Errorf("answers %q and %q", first.Body, second.Body)
		}
		f.wantCame(t, "a POST one", "b POST one", "a POST two", "a POST three", "b POST two")
	})
}

func TestWhatAServerRefusesWaitsForTheNextWithinWaitTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		f := twoServers(t, &s, waits(5*time.Second))
		f.send("GET", "", "Cookie", "PHPSESSID=s1")
		synctest.Wait()
		began := time.Now()
		second := f.send("GET", "", "Cookie", "PHPSESSID=s2")
		<-second.done
		second.wantStatus(t, http.StatusServiceUnavailable, ReasonQueueTimeout)
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("refused after %s", waited)
		}
		s.let(ok(""))
		synctest.Wait()
	})
}

func TestAPoolWithoutServersIsABadGateway(t *testing.T) {
	f := newFleet(t, balance.Options{}, []upstreamFunc{refuses})
	f.upstream().Servers.Set(balance.Options{})
	v := f.send("GET", "")
	<-v.done
	v.wantStatus(t, http.StatusBadGateway, ReasonUpstreamError)
	f.want("counted", int(testutil.ToFloat64(f.gate.Metrics.upstreamErrors.WithLabelValues("php", string(KindConnect)))), 1)
}
