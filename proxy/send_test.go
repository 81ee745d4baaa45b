package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/dial"
)

// fleet plays the servers of an upstream, named a, b, c and so on.
type fleet struct {
	*bench
	servers []*balance.Server

	mu   sync.Mutex
	came []string // server, method and body of what was sent, in order
}

// newFleet makes a gate before servers that are played by these.
func newFleet(t *testing.T, o balance.Options, plays []upstreamFunc, change ...func(*rules.Policy, *Settings)) *fleet {
	t.Helper()
	f := &fleet{bench: newBench(t, nil, change...)}
	for i, play := range plays {
		name := string(rune('a' + i))
		f.servers = append(f.servers, balance.NewServer(name, upstreamFunc(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("%s cannot read the body: %v", name, err)
			}
			f.mu.Lock()
			f.came = append(f.came, strings.TrimSpace(name+" "+r.Method+" "+string(body)))
			f.mu.Unlock()
			return play(r)
		})))
	}
	f.upstream().Servers = balance.New(o, f.servers...)
	t.Cleanup(func() {
		for _, s := range f.upstream().Servers.Status() {
			if s.InFlight != 0 {
				t.Errorf("%d slots of server %s were not given back", s.InFlight, s.Server.Address)
			}
		}
	})
	return f
}

func (f *fleet) wantCame(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if fmt.Sprint(f.came) != fmt.Sprint(want) {
		t.Errorf("came %q, want %q", f.came, want)
	}
	f.came = nil
}

func (v *visit) wantStatus(t *testing.T, status int, reason Reason) {
	t.Helper()
	if v.Code != status || !strings.Contains(v.Body.String(), "reason: "+string(reason)) {
		t.Errorf("status %d, %q; want %d, %s", v.Code, v.Body, status, reason)
	}
}

// refuses is a server that nobody listens on.
func refuses(*http.Request) (*http.Response, error) {
	return nil, &dial.Error{Address: "there", Err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
}

// silent is a server that does not answer within the time to connect.
func silent(timeout time.Duration) upstreamFunc {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(timeout):
			return nil, &dial.Error{Address: "there", Err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ETIMEDOUT}}
		case <-r.Context().Done():
			return nil, &dial.Error{Address: "there", Err: r.Context().Err()}
		}
	}
}

func answers(*http.Request) (*http.Response, error) { return answer(strings.NewReader("well")), nil }

func breaksOff(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func TestWhatCouldNotBeSentGoesToTheNextServer(t *testing.T) {
	for _, method := range []string{"GET", "POST", "DELETE"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, balance.Options{Method: balance.RoundRobin, Fall: 10}, []upstreamFunc{refuses, refuses, answers})
			v := f.send(method, "the body")
			<-v.done
			if v.Code != http.StatusOK || v.Body.String() != "well" {
				t.Fatalf("status %d, %q", v.Code, v.Body)
			}
			f.wantCame(t, "a "+method+" the body", "b "+method+" the body", "c "+method+" the body")
			synctest.Wait()
			m := f.gate.Metrics
			if next, failed := testutil.ToFloat64(m.nextServer), testutil.ToFloat64(m.connectFailures.WithLabelValues("php", "a")); next != 2 || failed != 1 {
				t.Errorf("counted %v next servers and %v failures of a, want 2 and 1", next, failed)
			}
			if n := testutil.ToFloat64(m.upstreamErrors.WithLabelValues("php", "connect")); n != 0 {
				t.Errorf("counted %v errors, though the client was served", n)
			}
			if !strings.Contains(f.log.String(), `"server":"c"`) {
				t.Errorf("the access line does not tell the server: %s", f.log)
			}
		})
	}
}

func TestWhatMayHaveBeenSentIsNotSentAgain(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, balance.Options{}, []upstreamFunc{breaksOff, answers})
			v := f.send(method, "")
			<-v.done
			if v.Code != http.StatusBadGateway {
				t.Errorf("%s: status %d, want 502", method, v.Code)
			}
			f.wantCame(t, "a "+method)
		})
	}
}

func TestEachServerIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, balance.Options{Method: balance.RoundRobin, Fall: 2}, []upstreamFunc{refuses, refuses, refuses})
		for range 3 { // at the end all are out
			v := f.send("GET", "")
			<-v.done
			v.wantStatus(t, http.StatusBadGateway, "upstream_error")
			if v.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
		f.wantCame(t, "a GET", "b GET", "c GET", "a GET", "b GET", "c GET", "a GET", "b GET", "c GET")
		f.want("counted as failed to connect", int(testutil.ToFloat64(f.gate.Metrics.upstreamErrors.WithLabelValues("php", "connect"))), 3)
	})
}

func TestAServerThatIsOutIsSkippedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, balance.Options{Fall: 2}, []upstreamFunc{refuses, answers})
		for range 10 {
			v := f.send("GET", "")
			<-v.done
			f.want("status", v.Code, http.StatusOK)
		}
		tries := 0
		for _, came := range f.came {
			if came == "a GET" {
				tries++
			}
		}
		f.want("tries of a server that refuses, fall is 2", tries, 2)
	})
}

// The turn stays with the request on its way from server to server.
func TestTheNextServerGetsTheRequestUnderTheSameTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, balance.Options{Method: balance.RoundRobin}, []upstreamFunc{silent(time.Second), answers})
		first := f.send("POST", "first")
		synctest.Wait()
		second := f.send("POST", "second")
		synctest.Wait()
		f.wantCame(t, "a POST first")
		<-first.done
		<-second.done
		f.wantCame(t, "b POST first", "b POST second")
	})
}

func TestAClientThatHasLeftNeedsNoOtherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, balance.Options{Method: balance.RoundRobin}, []upstreamFunc{silent(2 * time.Second), answers})
		v := f.send("GET", "")
		synctest.Wait()
		v.leave()
		time.Sleep(5 * time.Second) // a bubble's
		f.wantCame(t, "a GET")
		f.want("sessions", f.locks.Sessions(), 0)
	})
}

func TestResponseTimeoutBoundsTheTriesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, balance.Options{Method: balance.RoundRobin}, []upstreamFunc{silent(2 * time.Second), silent(2 * time.Second), answers})
		f.upstream().ResponseTimeout = 3 * time.Second
		v := f.send("GET", "")
		<-v.done
		v.wantStatus(t, http.StatusGatewayTimeout, "response_timeout")
		time.Sleep(5 * time.Second) // a bubble's
		f.wantCame(t, "a GET", "b GET")
		f.want("sessions", f.locks.Sessions(), 0)
	})
}

func TestTheGatesEndEndsTheTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, balance.Options{Method: balance.RoundRobin, Fall: 1}, []upstreamFunc{silent(2 * time.Second), answers})
		l := onAwayLocks(f.bench)
		v := f.send("GET", "")
		synctest.Wait()
		f.gate.Abort()
		<-v.done
		v.wantRefusal(t, "shutting_down")
		f.wantCame(t, "a GET")
		synctest.Wait()
		wantEnds(t, l, 0) // nothing was sent
		if !f.upstream().Servers.Status()[0].In {
			t.Error("a connection that the gate's end has cut off took the server out")
		}
	})
}

// The slot is the run's: it is taken for as long as the server is at work.
func TestASlotIsTakenUntilTheServerIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		f := newFleet(t, balance.Options{}, []upstreamFunc{func(*http.Request) (*http.Response, error) { return answer(r), nil }, answers})
		inFlight := func() int { return f.upstream().Servers.Status()[0].InFlight }
		v := f.send("GET", "")
		synctest.Wait()
		f.want("in flight while PHP runs", inFlight(), 1)
		v.leave()
		synctest.Wait()
		f.want("in flight when the client has left", inFlight(), 1)
		_ = w.Close()
		synctest.Wait()
		f.want("in flight when PHP is done", inFlight(), 0)
	})
}

func TestASlotIsGivenBackOnEveryPath(t *testing.T) {
	for name, play := range map[string]upstreamFunc{
		"an answer":       answers,
		"a broken answer": func(*http.Request) (*http.Response, error) { return answer(errReader{io.ErrUnexpectedEOF}), nil },
		"no answer":       breaksOff,
		"no connection":   refuses,
		"a panic":         func(*http.Request) (*http.Response, error) { panic("a defect") },
		"a later panic":   func(*http.Request) (*http.Response, error) { return answer(panicReader{}), nil },
		"a status of none": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 42, Body: http.NoBody}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, balance.Options{}, []upstreamFunc{play})
				v := f.send("GET", "")
				<-v.done
				synctest.Wait()
				f.want("in flight", f.upstream().Servers.Status()[0].InFlight, 0)
			})
		})
	}
}

// A server flips between in and out while requests come.
func TestNothingFailsWhileOneServerIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		down := false
		flips := func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if down = !down; down {
				return refuses(r)
			}
			return answers(r)
		}
		f := newFleet(t, balance.Options{Fall: 1}, []upstreamFunc{flips, answers, refuses}, func(p *rules.Policy, _ *Settings) { p.Lock = rules.None })
		var visits []*visit
		for range 200 {
			visits = append(visits, f.send("POST", "x"))
		}
		for _, v := range visits {
			<-v.done
			if v.Code != http.StatusOK {
				t.Fatalf("status %d", v.Code)
			}
		}
	})
}

func TestASessionStaysOnItsServerWhateverItsLock(t *testing.T) {
	seven := []upstreamFunc{answers, answers, answers, answers, answers, answers, answers}
	var before string // the servers' names are the same each time
	for name, change := range map[string]func(*rules.Policy){
		"a turn":       func(*rules.Policy) {},
		"a lock group": func(p *rules.Policy) { p.LockGroup = "g" },
		"no lock":      func(p *rules.Policy) { p.Lock = rules.None },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, balance.Options{Method: balance.Session}, seven, func(p *rules.Policy, _ *Settings) { change(p) })
			for range 5 {
				<-f.send("GET", "").done
			}
			first := f.came[0]
			f.wantCame(t, first, first, first, first, first)
			if before != "" && first != before {
				t.Errorf("%s: went to %q, otherwise to %q", name, first, before)
			}
			before = first
		})
	}
}

func TestARequestWithoutASessionGoesToTheLeastBusyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		f := newFleet(t, balance.Options{Method: balance.Session}, []upstreamFunc{s.php, s.php})
		for range 4 {
			f.send("GET", "", "Cookie", "other=1")
			synctest.Wait()
		}
		if all := f.upstream().Servers.Status(); all[0].InFlight != 2 || all[1].InFlight != 2 {
			t.Errorf("in flight: %d and %d", all[0].InFlight, all[1].InFlight)
		}
		for range 4 {
			s.let(ok("well"))
			synctest.Wait()
		}
	})
}

func TestErrorsOfAllServersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, balance.Options{Method: balance.RoundRobin}, []upstreamFunc{
			func(*http.Request) (*http.Response, error) {
				return nil, &dial.Error{Address: "one:1", Err: errors.New("no route")}
			},
			func(*http.Request) (*http.Response, error) {
				return nil, &dial.Error{Address: "two:2", Err: errors.New("refused")}
			},
		})
		<-f.send("GET", "").done
		synctest.Wait()
		if want := `connect to one:1: no route; connect to two:2: refused`; !strings.Contains(f.log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, f.log)
		}
	})
}
