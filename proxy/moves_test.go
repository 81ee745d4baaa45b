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

// busyUntil is a server that refuses the session "abc" and has another's request
// for a while.
func busyUntil(busy time.Duration) upstreamFunc {
	return func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.Header.Get("Cookie"), "abc") {
			return refuses(r)
		}
		<-time.After(busy)
		return answers(r)
	}
}

// newStairs is a fleet of servers with one slot each, which others have for these
// times; then they refuse whoever waits for them.
func newStairs(t *testing.T, busy []time.Duration, change ...func(*rules.Policy, *Settings)) (f *fleet, others []*visit) {
	t.Helper()
	var plays []upstreamFunc
	for _, b := range busy {
		plays = append(plays, busyUntil(b))
	}
	o := balance.Options{Method: balance.RoundRobin, Fall: 100}
	f = newFleet(t, o, plays, change...)
	for _, s := range f.servers {
		s.MaxInFlight = 1
	}
	f.upstream().Servers.Set(o, f.servers...)
	for range busy {
		others = append(others, f.send("GET", "", "Cookie", "PHPSESSID=other"))
		synctest.Wait()
	}
	return f, others
}

// One wait_timeout is for all waits of a request, however many servers refuse it.
func TestWaitTimeoutIsOneForAllServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, others := newStairs(t, []time.Duration{0, 9 * time.Second, 18 * time.Second}, noLock, waits(10*time.Second))
		began := time.Now()
		v := f.send("GET", "")
		<-v.done
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("ended after %v, want 10 s", took)
		}
		v.wantStatus(t, http.StatusServiceUnavailable, ReasonQueueTimeout)
		f.wantCounted("upstream errors", testutil.ToFloat64(f.gate.Metrics.upstreamErrors.WithLabelValues("php", "connect")), 0)
		for _, o := range others {
			<-o.done
		}
		synctest.Wait()
		if log := f.log.String(); !strings.Contains(log, `"queued":10000`) {
			t.Errorf("the access line does not tell the waits: %s", log)
		}
	})
}

// response_timeout is for servers that were asked: a wait for a slot is none.
func TestResponseTimeoutDoesNotCountWaitsForServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, others := newStairs(t, []time.Duration{0, 9 * time.Second}, noLock)
		f.upstream().ResponseTimeout = 2 * time.Second
		f.servers[1].Transport = upstreamFunc(func(r *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return answers(r)
		})
		v := f.send("GET", "")
		<-v.done
		f.want("status", v.Code, http.StatusOK)
		f.wantCounted("silent", testutil.ToFloat64(f.gate.Metrics.upstreamErrors.WithLabelValues("php", string(KindSilent))), 0)
		for _, o := range others {
			<-o.done
		}
	})
}

// A server that was asked, at last, has as long as any.
func TestResponseTimeoutIsWholeForTheServerThatIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		f := newFullFleet(t, &s, noLock)
		f.upstream().ResponseTimeout = 4 * time.Second
		v := f.send("GET", "")
		<-time.After(3 * time.Second)
		s.let(ok("other")) // the slot is free after three of the four seconds
		began := time.Now()
		<-v.done
		v.wantStatus(t, http.StatusGatewayTimeout, ReasonUpstreamSilent)
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("gave up on the second server after %v, want 4 s", took)
		}
		f.wantCounted("silent", testutil.ToFloat64(f.gate.Metrics.upstreamErrors.WithLabelValues("php", string(KindSilent))), 1)
		s.let(ok("late"))
		synctest.Wait()
	})
}
