package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/fastcgi"
)

func abortOnLost(_ *rules.Policy, s *Settings) { s.AbortOnLostLease = true }

func (b *bench) wantLost(n int) {
	b.Helper()
	b.want("lease_lost", int(testutil.ToFloat64(b.gate.Metrics.leaseLost)), n)
	synctest.Wait()
	if got := strings.Count(b.log.String(), `"lease_lost":true`); got != n {
		b.Errorf("%d lines say lease_lost, want %d:\n%s", got, n, b.log)
	}
	if got := strings.Count(b.log.String(), "lease lost, another gate may run"); got != n {
		b.Errorf("%d warnings, want %d:\n%s", got, n, b.log)
	}
}

func wantEnds(t *testing.T, l *awayLocks, want ...time.Duration) {
	t.Helper()
	got := l.ends()
	if len(got) != len(want) {
		t.Fatalf("turns ended with %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("turns ended with %v, want %v", got, want)
		}
	}
}

func TestRequestOfALostLeaseCarriesOnAndKeepsTheLineShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		l := onAwayLocks(b)
		first := b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		synctest.Wait()
		l.lose(0)
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		wantEnds(t, l)
		s.let(ok("one"))
		synctest.Wait()
		wantEnds(t, l, 0)
		s.let(ok("two"))
		<-first.done
		<-second.done
		if first.Body.String() != "one" || second.Body.String() != "two" {
			t.Errorf("answers %q and %q", first.Body, second.Body)
		}
		b.wantLost(1)
	})
}

func TestMaxHoldEndsALostTurnToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
		l := onAwayLocks(b)
		b.send("GET", "")
		synctest.Wait()
		l.lose(0)
		<-time.After(time.Minute)
		synctest.Wait()
		wantEnds(t, l, 0)
		s.let(ok(""))
		synctest.Wait()
		b.wantLost(1)
	})
}

func TestLeaseThatProvesLostAtTheEndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(*http.Request) (*http.Response, error) { return answer(strings.NewReader("whole")), nil }, abortOnLost)
		l := onAwayLocks(b)
		l.lostLate = true
		v := b.send("GET", "")
		<-v.done
		if v.cut || v.Body.String() != "whole" {
			t.Errorf("the answer of a request that had ended: cut %v, %q", v.cut, v.Body)
		}
		synctest.Wait()
		b.wantLost(1)
	})
}

// untilCut is an upstream that does not answer before its request's context
// ends; it then fails as net/http's Transport may, without naming the cause.
func untilCut(t *testing.T, cause error) upstreamFunc {
	return func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		if got := context.Cause(r.Context()); !errors.Is(got, cause) {
			t.Errorf("cut off because of %v, want %v", got, cause)
		}
		return nil, r.Context().Err()
	}
}

// cutBody is an answer that does not end before its request's context does.
type cutBody struct{ ctx context.Context }

func (b cutBody) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func TestAbortRefusesARequestThatHasNoAnswerYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, untilCut(t, errLeaseLost), abortOnLost)
		l := onAwayLocks(b)
		v := b.send("GET", "")
		synctest.Wait()
		l.lose(0)
		v.wantRefusal(t, "lease_lost")
		synctest.Wait()
		wantEnds(t, l, 0)
		b.wantLost(1)
		b.want("refused", int(testutil.ToFloat64(b.gate.Metrics.refusals.WithLabelValues("lease_lost"))), 1)
		b.want("upstream errors", int(testutil.ToFloat64(b.gate.Metrics.upstreamErrors.WithLabelValues("php", "other"))), 0)
	})
}

func TestAbortCutsAnAnswerThatHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(r *http.Request) (*http.Response, error) {
			return answer(io.MultiReader(strings.NewReader("half"), cutBody{r.Context()})), nil
		}, abortOnLost)
		l := onAwayLocks(b)
		v := b.send("GET", "")
		synctest.Wait()
		l.lose(0)
		<-v.done
		if !v.cut {
			t.Errorf("the answer %q was ended as if complete", v.Body)
		}
		synctest.Wait()
		wantEnds(t, l, 0)
		b.wantLost(1)
	})
}

func TestAbortLeavesAnAnswerAloneThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(*http.Request) (*http.Response, error) { return answer(strings.NewReader("whole")), nil },
			abortOnLost, func(p *rules.Policy, _ *Settings) { p.ReleaseDelay = time.Second })
		l := onAwayLocks(b)
		v := b.send("GET", "")
		<-v.done
		l.lose(0)
		synctest.Wait()
		wantEnds(t, l)
		<-time.After(time.Second)
		synctest.Wait()
		wantEnds(t, l, 0)
		if v.cut || v.Body.String() != "whole" {
			t.Errorf("cut %v, %q", v.cut, v.Body)
		}
		b.wantLost(1)
	})
}

func TestAbortOfATurnThatWasLostBeforeItRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, untilCut(t, errLeaseLost), abortOnLost)
		l := onAwayLocks(b)
		l.lostBefore = true
		b.send("GET", "").wantRefusal(t, "lease_lost")
		synctest.Wait()
		b.wantLost(1)
	})
}

// What the gate's end cuts off may be running on: other gates wait for what was
// left of the turn.
func TestEndOfTheGateAbandonsWhatRuns(t *testing.T) {
	silent := untilCut(t, errClosed)
	begun := func(r *http.Request) (*http.Response, error) {
		return answer(io.MultiReader(strings.NewReader("half"), cutBody{r.Context()})), nil
	}
	for _, c := range []struct {
		name    string
		php     upstreamFunc
		maxHold time.Duration
		rest    time.Duration // of the turn, after 20 s
	}{
		{"no answer yet", silent, time.Minute, 40 * time.Second},
		{"an answer under way", begun, time.Minute, 40 * time.Second},
		{"no max_hold", silent, 0, 10 * time.Second},
		{"a header that cannot be used", unusableHeader(t), time.Minute, 40 * time.Second},
		{"no connection", unconnected(t), time.Minute, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.php, func(p *rules.Policy, s *Settings) { p.MaxHold, s.LeaseTTL = c.maxHold, 10*time.Second })
				l := onAwayLocks(b)
				b.send("GET", "")
				<-time.After(20 * time.Second)
				b.gate.Abort()
				synctest.Wait()
				wantEnds(t, l, c.rest)
			})
		})
	}
}

// unusableHeader is a PHP that runs on behind an answer of no use.
func unusableHeader(t *testing.T) upstreamFunc {
	return fastCGI(t, func(context.Context, string, string) (net.Conn, error) {
		here, php := net.Pipe()
		go func() { _, _ = php.Write([]byte("\x01\x06\x00\x01\x00\x08\x00\x00no CGI\n\n")) }()
		go func() { _, _ = io.Copy(io.Discard, php) }() // until the gate closes its side
		return here, nil
	})
}

// unconnected is a PHP that takes no connection.
func unconnected(t *testing.T) upstreamFunc {
	return fastCGI(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
}

func fastCGI(t *testing.T, dial func(context.Context, string, string) (net.Conn, error)) upstreamFunc {
	t.Helper()
	transport, err := fastcgi.New(fastcgi.Options{Address: "127.0.0.1:9000", Root: "/", DialContext: dial})
	if err != nil {
		t.Fatal(err)
	}
	return transport.RoundTrip
}

func TestEndOfTheGateReleasesWhatHasEnded(t *testing.T) {
	for _, c := range []struct {
		name   string
		header string
		rest   time.Duration
	}{
		{"at once", "", 0},
		{"by the page's word", "release", 0},
		{"with a delay", "hold=30s", 10 * time.Second}, // PHP may be at work for so long
		{"with a delay above max_hold", "hold=2m", 40 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, func(*http.Request) (*http.Response, error) {
					return answer(strings.NewReader("whole"), ControlHeader, c.header), nil
				}, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
				l := onAwayLocks(b)
				b.send("GET", "")
				<-time.After(20 * time.Second)
				b.gate.Abort()
				synctest.Wait()
				wantEnds(t, l, c.rest)
			})
		})
	}
}

func TestEndOfTheGateReleasesALostTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, untilCut(t, errClosed), func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
		l := onAwayLocks(b)
		b.send("GET", "")
		synctest.Wait()
		l.lose(0)
		synctest.Wait()
		b.gate.Abort()
		synctest.Wait()
		wantEnds(t, l, 0)
	})
}

func TestWhatGetsItsTurnAfterTheGatesEndIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		php := untilCut(t, errClosed)
		b := newBench(t, func(r *http.Request) (*http.Response, error) {
			n++
			return php(r)
		}, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
		l := onAwayLocks(b)
		first, second := b.send("GET", ""), b.send("GET", "")
		synctest.Wait()
		b.gate.Abort()
		first.wantRefusal(t, "shutting_down")
		second.wantRefusal(t, "shutting_down")
		b.want("sent", n, 1)
		wantEnds(t, l, time.Minute, 0)
	})
}
