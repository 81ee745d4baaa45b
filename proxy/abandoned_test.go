package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
)

// hangs is an upstream that never answers, and heeds its request's end.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// hangsMidway is one whose answer has no end.
func hangsMidway(r *http.Request) (*http.Response, error) {
	return answer(io.MultiReader(strings.NewReader("half"), cutBody{r.Context()})), nil
}

// newHung is a bench whose upstream is bounded by a minute.
func newHung(t *testing.T, php upstreamFunc, change ...func(*rules.Policy, *Settings)) *bench {
	t.Helper()
	b := newBench(t, php, change...)
	b.upstream().AbandonedTimeout = time.Minute
	return b
}

// wantRuns expects how many runs have a slot, and how many were cut off.
func (b *bench) wantRuns(running, cutOff int) {
	b.Helper()
	synctest.Wait()
	b.want("runs", b.upstream().Servers.Status()[0].InFlight, running)
	b.want("cut off", int(testutil.ToFloat64(b.gate.Metrics.abandoned.WithLabelValues("php"))), cutOff)
}

func noLock(p *rules.Policy, _ *Settings) { p.Lock = rules.None }

// Nobody reads the answer, and the turn is over: slot, memory, file and request
// are given back.
func TestAHungUpstreamDoesNotKeepARunForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHung(t, hangs, func(p *rules.Policy, _ *Settings) { p.MaxHold = 2 * time.Minute })
		b.upstream().ResponseTimeout = time.Second
		v := b.send("POST", strings.Repeat("x", 1<<20))
		<-v.done
		v.wantStatus(t, http.StatusGatewayTimeout, ReasonUpstreamSilent)
		<-time.After(3*time.Minute - 2*time.Second)
		b.wantRuns(1, 0)
		if u := b.gate.Spool.Usage(); u.Disk == 0 {
			t.Error("the body has gone before its run")
		}
		<-time.After(2 * time.Second)
		b.wantRuns(0, 1)
		b.want("in flight", b.gate.InFlight(), 0)
		if u := b.gate.Spool.Usage(); u.Disk+u.Memory != 0 {
			t.Errorf("spool: %+v", u)
		}
		if !strings.Contains(b.log.String(), "nobody waited for the answer") {
			t.Errorf("the access line does not say so: %s", b.log)
		}
		b.want("other errors", int(testutil.ToFloat64(b.gate.Metrics.upstreamErrors.WithLabelValues("php", "other"))), 0)
	})
}

func TestAHungAnswerIsCutOffWhenItsClientHasLeft(t *testing.T) {
	for name, change := range map[string]func(*rules.Policy, *Settings){
		"no turn":          noLock,
		"not enforced":     func(p *rules.Policy, _ *Settings) { p.Shadow = true },
		"a turn that ends": func(p *rules.Policy, _ *Settings) { p.ReleaseOnHeaders = true },
		"run all the same": func(p *rules.Policy, _ *Settings) { p.Lock, p.Unattended = rules.None, true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHung(t, hangsMidway, change)
				v := b.send("GET", "")
				<-time.After(time.Hour)
				b.wantRuns(1, 0) // somebody reads
				v.leave()
				<-time.After(59 * time.Second)
				b.wantRuns(1, 0)
				<-time.After(2 * time.Second)
				b.wantRuns(0, 1)
			})
		})
	}
}

// A turn has bounds of its own: while it lasts, others wait for what runs.
func TestWhatATurnDependsOnIsNotCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newHung(t, s.php)
		v := b.send("GET", "")
		synctest.Wait()
		v.leave()
		<-time.After(time.Hour)
		b.wantRuns(1, 0)
		s.let(ok("late"))
		b.wantRuns(0, 0)
	})
}

func TestWhatEndsInTimeIsNotCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newHung(t, s.php, noLock)
		v := b.send("GET", "")
		synctest.Wait()
		v.leave()
		<-time.After(59 * time.Second)
		s.let(ok("late"))
		<-time.After(time.Hour)
		b.wantRuns(0, 0)
	})
}

func TestWithoutABoundARunLastsAsLongAsItsUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, noLock)
		v := b.send("GET", "")
		synctest.Wait()
		v.leave()
		<-time.After(30 * 24 * time.Hour)
		b.wantRuns(1, 0)
		s.let(func() (*http.Response, error) { return nil, errors.New("at last") })
		b.wantRuns(0, 0)
	})
}

// The caller's turn is over, and with it that of what it has called.
func TestACallIsCutOffWithItsCallersTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s, page, other := newFullSite(t, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Second })
		b.upstream().AbandonedTimeout = time.Minute
		other.answer("")
		called := b.calls(page)
		s.page(t, 3)
		called.leave()
		<-time.After(2 * time.Minute)
		b.wantRuns(1, 1) // the page's client is there
		page.answer("")
	})
}
