package proxy

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sessiongate/sessiongate/proxy/balance"
)

// goTo has the gate go by an upstream in place of the one before. ended is closed
// when nobody goes by that setup any more.
func (b *bench) goTo(u *Upstream) (ended chan struct{}) {
	ended = make(chan struct{})
	b.change(func(s *Setup) {
		s.Upstreams, s.Ended = []*Upstream{u}, func() { close(ended) }
	})
	return ended
}

func over(ended chan struct{}) bool {
	synctest.Wait()
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// Who waits for a turn while the upstream is replaced goes to the one with which it
// was decided about, and that one is kept so long; a client that leaves changes
// nothing, for its run goes on.
func TestAnUpstreamIsKeptForWhoCameBeforeItWasReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second stagehand
		b := newBench(t, nil)
		named := func(s *stagehand) *Upstream {
			return &Upstream{Name: "php", Servers: balance.New(balance.Options{}, balance.NewServer("a", upstreamFunc(s.php)))}
		}
		ended := b.goTo(named(&first))
		running := b.send("GET", "")
		synctest.Wait()
		waiting := b.send("GET", "")
		synctest.Wait()
		next := b.goTo(named(&second))
		later := b.send("GET", "")
		synctest.Wait()

		running.leave()
		<-running.done
		if over(ended) {
			t.Fatal("the first has ended while a request without a client runs")
		}
		first.let(ok("page"))
		synctest.Wait()
		if over(ended) {
			t.Fatal("the first has ended while a request that came before runs")
		}
		first.let(ok("page"))
		<-waiting.done
		if !over(ended) {
			t.Error("the first is kept though nobody goes by it")
		}
		synctest.Wait()
		second.let(ok("page"))
		<-later.done
		b.want("statuses", waiting.Code+later.Code, 400)
		if over(next) {
			t.Error("the setup in use has ended")
		}
	})
}

// The mean time of requests is of the servers, whatever else is changed of them.
func TestTheSameServersKeepTheirPace(t *testing.T) {
	b := newBench(t, func(*http.Request) (*http.Response, error) { return answer(strings.NewReader("page")), nil })
	before := b.upstream()
	b.ask("GET", "/", nil)
	b.goTo(&Upstream{Name: "php", Servers: before.Servers})
	if b.upstream().pace != before.pace {
		t.Error("forgotten, though the servers are the same")
	}
	b.goTo(&Upstream{Name: "php", Servers: balance.New(balance.Options{}, balance.NewServer("a", nil))})
	if b.upstream().pace == before.pace {
		t.Error("other servers go by it")
	}
}

// Requests come while setups are replaced: each goes by one that has not ended, and
// each setup ends once, when it is over.
func TestASetupEndsOnceAndBehindItsRequests(t *testing.T) {
	const setups = 300
	b := newBench(t, nil)
	var ended [setups]atomic.Int32
	use := func(i int) {
		b.change(func(s *Setup) { s.MaxStreams, s.Ended = i+1, func() { ended[i].Add(1) } })
	}
	use(0)
	var stop atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !stop.Load() {
				s := b.gate.enter()
				if ended[s.MaxStreams-1].Load() != 0 {
					t.Error("a request goes by a setup that has ended")
				}
				s.users.leave()
			}
		})
	}
	for i := 1; i < setups; i++ {
		use(i)
	}
	stop.Store(true)
	all.Wait()
	for i := range ended {
		if want := int32(min(1, setups-1-i)); ended[i].Load() != want {
			t.Errorf("setup %d ended %d times, want %d", i, ended[i].Load(), want)
		}
	}
}
