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

// goTo has the gate go by upstreams in place of those before. ended is closed when
// nobody goes by the first of them any more.
func (b *bench) goTo(list ...*Upstream) (ended chan struct{}) {
	ended = make(chan struct{})
	list[0].Ended = func() { close(ended) }
	b.change(func(s *Setup) { s.Upstreams = list })
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

// A connection that stays for hours keeps the upstream that it is on, and no other.
func TestARequestKeepsNoUpstreamButItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, nil)
		named := func(name string) *Upstream {
			return &Upstream{Name: name, Servers: balance.New(balance.Options{}, balance.NewServer("a", upstreamFunc(s.php)))}
		}
		own, other := named("php"), named("other")
		otherEnded := make(chan struct{})
		other.Ended = func() { close(otherEnded) }
		ended := b.goTo(own, other)
		long := b.send("GET", "")
		synctest.Wait()
		b.goTo(named("php"))
		if !over(otherEnded) || over(ended) {
			t.Errorf("ended are: the other %v, its own %v", over(otherEnded), over(ended))
		}
		s.let(ok("page"))
		<-long.done
		if !over(ended) {
			t.Error("its own is kept for nobody")
		}
	})
}

// Requests come while setups are replaced: each goes by an upstream that has not
// ended, and each upstream ends once, when it is over.
func TestAnUpstreamEndsOnceAndBehindItsRequests(t *testing.T) {
	const setups = 300
	b := newBench(t, nil)
	var ended [setups]atomic.Int32
	use := func(i int) {
		b.change(func(s *Setup) {
			s.MaxStreams = i + 1
			s.Upstreams = []*Upstream{{Name: "php", Servers: b.upstream().Servers, Ended: func() { ended[i].Add(1) }}}
		})
	}
	use(0)
	var stop atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !stop.Load() {
				rec := &record{setup: b.gate.enter()}
				if rec.setup.MaxStreams%2 == 0 {
					rec.choose(rec.setup.Upstreams[0])
				}
				if ended[rec.setup.MaxStreams-1].Load() != 0 {
					t.Error("a request goes by an upstream that has ended")
				}
				rec.leave()
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
			t.Errorf("upstream %d ended %d times, want %d", i, ended[i].Load(), want)
		}
	}
	for n, setups := range b.gate.Metrics.names.setups {
		b.want("setups that may count by "+n.label+" "+n.value, setups, 2) // the last, and the one before
	}
}
