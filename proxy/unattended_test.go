package proxy

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

func unattended(p *rules.Policy, _ *Settings) { p.Unattended = true }

// wantGone expects one line of a client that left, at a stage.
func (b *bench) wantGone(stage Stage) {
	b.Helper()
	synctest.Wait()
	if log := b.log.String(); strings.Count(log, `"status":499`) != 1 || strings.Count(log, `"stage":"`+string(stage)+`"`) != 1 {
		b.Errorf("want one line with status 499 and stage %s:\n%s", stage, log)
	}
}

func TestUnattendedRequestRunsInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, unattended)
		first := b.send("GET", "")
		synctest.Wait()
		second := b.send("POST", "kept")
		synctest.Wait()
		third := b.send("GET", "")
		synctest.Wait()
		second.leave()
		synctest.Wait()
		b.want("waiting", b.gate.Locks.Waiting(), 2)
		s.let(ok("one"))
		<-first.done
		<-second.done // its handler has nobody to answer, its run goes on
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		b.want("waiting", b.gate.Locks.Waiting(), 1)
		s.let(ok("two"))
		synctest.Wait()
		s.let(ok("three"))
		<-third.done
		if !second.cut || third.Body.String() != "three" {
			t.Errorf("who left was answered: %v; the third got %q", !second.cut, third.Body)
		}
		b.wantGone(StageForward)
	})
}

func TestUnattendedRequestRunsThoughItsClientLeftBeforeItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, unattended)
		v := b.send("GET", "")
		v.leave()
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok(""))
		b.wantGone(StageForward)
	})
}

func TestUnattendedRequestWaitsForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNarrow(t, 1, balance.Options{}, unattended)
		n.from("10.0.0.1", "s1")
		second := n.from("10.0.0.2", "s2")
		second.leave()
		n.want("at PHP", n.running(), 1)
		n.let(ok(""))
		synctest.Wait()
		n.want("at PHP", n.running(), 1)
		n.let(ok(""))
		n.wantGone(StageForward)
	})
}

func TestUnattendedRequestGoesToTheNextServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		f := twoServers(t, &s, unattended)
		f.send("POST", "one", "Cookie", "PHPSESSID=s1")
		synctest.Wait()
		second := f.send("POST", "two", "Cookie", "PHPSESSID=s2") // its run waits for a slot of the other server
		synctest.Wait()
		second.leave()
		<-second.done
		s.let(ok(""))
		synctest.Wait()
		f.want("at PHP", s.running(), 1)
		s.let(ok(""))
		synctest.Wait()
		f.wantCame(t, "a POST one", "b POST one", "a POST two", "b POST two")
	})
}

// It is refused as others are who wait in vain.
func TestUnattendedRequestWaitsNoLongerThanOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, unattended, func(p *rules.Policy, _ *Settings) { p.WaitTimeout = time.Second })
		b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		second.leave()
		began := time.Now()
		<-second.done
		if waited := time.Since(began); waited != time.Second || second.Code != http.StatusTooManyRequests {
			t.Errorf("status %d after %s", second.Code, waited)
		}
		s.let(ok(""))
	})
}

// Nobody else would end its wait: its client's connection does not.
func TestUnattendedRequestThatWaitsEndsWithTheGate(t *testing.T) {
	for _, slots := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := newNarrow(t, 1, balance.Options{}, unattended)
			n.from("10.0.0.1", "s1")
			session := "s1"
			if slots {
				session = "s2"
			}
			second := n.from("10.0.0.1", session)
			n.gate.Abort()
			<-second.done
			second.wantStatus(t, http.StatusServiceUnavailable, ReasonShuttingDown)
			n.let(ok(""))
			if err := n.gate.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}
