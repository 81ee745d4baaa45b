package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
)

func onStoreFailure(f rules.StoreFailure) func(*rules.Policy, *Settings) {
	return func(p *rules.Policy, _ *Settings) { p.OnStoreFailure = f }
}

func (v *visit) wantRefusal(t *testing.T, reason string) {
	t.Helper()
	<-v.done
	if v.Code != http.StatusServiceUnavailable || !saysRetry(v, 2, 9) || !strings.Contains(v.Body.String(), "reason: "+reason+"\n") {
		t.Fatalf("status %d, Retry-After %q, %q; want 503, some seconds, %s", v.Code, v.Header().Get("Retry-After"), v.Body, reason)
	}
}

// failingBody fails the test where somebody reads it.
type failingBody struct{ *testing.T }

func (b failingBody) Read([]byte) (int, error) {
	b.Error("the body of a request that cannot run was read")
	return 0, errors.New("not to be read")
}

func TestClosedRefusesBeforeTheBodyIsRead(t *testing.T) {
	b := newBench(t, nil, onStoreFailure(rules.Closed))
	onAwayLocks(b).away = true
	r := httptest.NewRequest("POST", "/cart", failingBody{t})
	r.Header.Set("Cookie", "PHPSESSID=abc")
	r.Header.Set("Expect", "100-continue") // else the gate takes the body off the connection after the refusal
	v := &visit{ResponseRecorder: httptest.NewRecorder(), done: make(chan struct{})}
	b.gate.ServeHTTP(v, r)
	close(v.done)
	v.wantRefusal(t, "store_away")
	b.want("refused", int(testutil.ToFloat64(b.gate.Metrics.refusals.WithLabelValues("store_away"))), 1)
}

func TestClosedRefusesWhatFindsTheStoreAwayWhenItWouldWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil, onStoreFailure(rules.Closed))
		l := onAwayLocks(b)
		l.away, l.late = true, true
		b.send("POST", "a body").wantRefusal(t, "store_away")
	})
}

func TestOpenForwardsWithoutATurn(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var s stagehand
			b := newBench(t, func(r *http.Request) (*http.Response, error) {
				if fence := r.Header.Get(FenceHeader); fence != "" {
					t.Errorf("a request without a turn has the fence %s", fence)
				}
				return s.php(r)
			}, onStoreFailure(rules.Open))
			l := onAwayLocks(b)
			l.away, l.late = true, late
			first, second := b.send("GET", ""), b.send("POST", "a body")
			synctest.Wait()
			b.want("at PHP", s.running(), 2)
			s.let(ok("one"))
			s.let(ok("two"))
			<-first.done
			<-second.done
			if first.Code != http.StatusOK || second.Code != http.StatusOK {
				t.Fatalf("status %d and %d", first.Code, second.Code)
			}
			b.want("counted", int(testutil.ToFloat64(b.gate.Metrics.withoutTurn.WithLabelValues("store_away"))), 2)
			synctest.Wait()
			if n := strings.Count(b.log.String(), `"without_turn":true`); n != 2 {
				t.Errorf("%d lines say without_turn, want 2:\n%s", n, b.log)
			}
		})
	}
}

// What waits for the store is one thing, what the line says another.
func TestOpenDoesNotOpenTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, onStoreFailure(rules.Open), func(p *rules.Policy, _ *Settings) { p.RejectBusy = true })
		onAwayLocks(b)
		b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		<-second.done
		if second.Code != http.StatusTooManyRequests {
			t.Fatalf("status %d, want 429", second.Code)
		}
		s.let(ok(""))
	})
}

func TestLocalTurnsAreInOrderCountedAndFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fences []uint64
		var s stagehand
		b := newBench(t, func(r *http.Request) (*http.Response, error) {
			fence, err := strconv.ParseUint(r.Header.Get(FenceHeader), 10, 64)
			if err != nil {
				t.Errorf("fence: %v", err)
			}
			fences = append(fences, fence)
			return s.php(r)
		})
		onAwayLocks(b).away = true
		first, second := b.send("GET", ""), b.send("GET", "")
		for range 2 {
			synctest.Wait()
			b.want("at PHP", s.running(), 1)
			s.let(ok("done"))
		}
		<-first.done
		<-second.done
		if len(fences) != 2 || fences[0] == 0 || fences[1] <= fences[0] {
			t.Errorf("fences %d, want two that rise", fences)
		}
		b.want("local turns", int(testutil.ToFloat64(b.gate.Metrics.localTurns)), 2)
		synctest.Wait()
		if n := strings.Count(b.log.String(), `"local_turn":true`); n != 2 {
			t.Errorf("%d lines say local_turn, want 2:\n%s", n, b.log)
		}
	})
}

func TestLocalBarriersAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(*http.Request) (*http.Response, error) { return answer(io.MultiReader()), nil },
			func(p *rules.Policy, _ *Settings) { p.Lock = rules.Barrier })
		onAwayLocks(b).away = true
		v := b.send("GET", "")
		<-v.done
		b.want("local turns", int(testutil.ToFloat64(b.gate.Metrics.localTurns)), 1)
	})
}
