package lockstore

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

const moved = "moved"

// move gives a session to another server.
func (b *bench) move(k Key) { b.nodes = map[Key]string{k: moved} }

// The slot moves while a call is under way: what becomes of the call says
// nothing of the server that has the slot now.
func TestCallIsJudgedByTheServerThatWasAsked(t *testing.T) {
	b := newBench(t)
	b.request()
	c := b.call()
	b.move(here)
	b.enters(Request{Key: there})
	b.call().answer(b.mine(7, 0), nil)
	old, now := b.servers[""], b.serverOf(here)
	c.answer(b.queue(time.Second), nil)
	if _, known := now.bound.latest(b.start, b.time); known {
		t.Error("one server's time passes for the other's")
	}
	if _, known := old.bound.latest(b.start, b.time); !known {
		t.Error("the server that was asked has told its time in vain")
	}
}

// A server whose place another has taken is not away for ever.
func TestServerThatIsGoneIsForgotten(t *testing.T) {
	b := newBench(t)
	b.goesAway()
	gone := b.serverOf(here)
	first := b.request()
	if !b.runs(first).Local() {
		t.Error("the turn is not local")
	}
	b.move(here)
	b.back(gone) // the key can be asked for, at the other server
	c := b.call()
	if c.node != moved {
		t.Errorf("%q is asked, want the server that has the session now", c.node)
	}
	if _, known := b.servers[""]; known || b.anyAway() {
		t.Error("the server that is gone still counts")
	}
}

// Each server that comes gets an address of its own, as containers do.
func TestClusterThatChangesItsAddressesTakesNoMoreMemory(t *testing.T) {
	b := newBench(t)
	const addresses = 50
	for i := range addresses {
		b.nodes = map[Key]string{here: fmt.Sprint("10.0.0.", i)}
		turn, _ := b.held(uint64(10*i+7), 0)
		turn.Release()
		b.pass(simTiming.linger)
		b.call().answer(turnReply{now: b.redisNow()}, nil)
		b.jump(boundWindow)
		b.sweep()
	}
	if n := len(b.servers); n > 3 {
		t.Errorf("%d servers are known of a cluster that has one, after %d changes", n, addresses)
	}
	b.jump(2 * boundWindow)
	b.sweep()
	if n := len(b.servers); n != 0 {
		t.Errorf("%d servers are known, and nothing of them", n)
	}
}

// What is known of a server stays while leases are there.
func TestSweepLeavesServersThatAreNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*bench)
		stays bool
	}{
		"a turn runs":          {func(b *bench) { b.held(7, 0) }, true},
		"a request asks":       {func(b *bench) { b.queuedUp() }, true},
		"it is away":           {func(b *bench) { b.goesAway() }, true},
		"nobody asks any more": {func(b *bench) { b.serverOf(here) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c.begin(b)
			before := b.serverOf(here)
			b.jump(3 * boundWindow)
			b.sweep()
			if now := b.servers[""]; (now == before) != c.stays || now != nil && now != before {
				t.Errorf("the server is %v, and was %v", now, before)
			}
		})
	}
}

// The time of a server that answered lately tells how old a grant is.
func TestSweepLeavesTheBoundOnAServersTime(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	turn.Release()
	b.pass(simTiming.linger)
	b.call().answer(turnReply{now: b.redisNow()}, nil)
	if len(b.bySession) != 0 {
		t.Fatal("the session is still known")
	}
	b.sweep()
	if _, known := b.serverOf(here).bound.latest(b.start, b.time); !known {
		t.Error("the bound is forgotten")
	}
}

// Calls from before fail late: that says nothing of the server that is back.
func TestBackIsNotUndoneByOldFailures(t *testing.T) {
	b := newBench(t)
	b.goesAway()
	sent := b.time
	b.pass(time.Second)
	b.comesBack()
	b.pass(time.Second)
	for range 2 * breakerFailures {
		b.failed(here, sent, errSimulated)
	}
	if b.anyAway() {
		t.Error("the server counts as away again")
	}
	for range breakerFailures {
		b.failed(here, b.time, errSimulated)
		b.pass(simTiming.timeout)
	}
	if !b.anyAway() {
		t.Error("new failures are not heard")
	}
}

// An event that is told while another is does not overtake it.
func TestEventsAreToldInTheirOrder(t *testing.T) {
	b := newBench(t)
	var told []bool
	b.events.Away = func(err error) {
		if err != nil {
			b.comesBack() // as if another goroutine did so now
		}
		told = append(told, err != nil)
	}
	for range breakerFailures {
		b.failed(here, b.time, errSimulated)
		b.pass(simTiming.timeout)
	}
	if len(told) != 2 || !told[0] || told[1] {
		t.Errorf("away was told as %v, want true, then false", told)
	}
}

func TestAbandonedLeaseIsLeftBehind(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	turn.Abandon(5 * time.Minute)
	b.renewal().answer(renewReply{}, errSimulated)
	b.pass(simTiming.retry)
	again := b.renewal()
	if want := 5*time.Minute - simTiming.retry; again.ttl != want {
		t.Errorf("the lease is left for %v, want %v", again.ttl, want)
	}
	again.answer(renewReply{outcome: renewed, now: b.redisNow()}, nil)
	b.pass(time.Hour)
	b.silent()
}

func TestAbandonedLeaseIsLeftBehindWhenRedisIsBack(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	b.goesAway()
	turn.Abandon(5 * time.Minute)
	b.silent()
	b.pass(time.Second)
	b.comesBack()
	if c := b.renewal(); c.ttl != 5*time.Minute-time.Second {
		t.Errorf("the lease is left for %v", c.ttl)
	}
}

// A lease that has run out may be another's.
func TestAbandonedLeaseThatRanOutIsNotTakenBack(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	b.jump(simTiming.ttl)
	turn.Abandon(5 * time.Minute)
	b.silent()
	if !errors.Is(turn.Cause(), ErrLost) {
		t.Errorf("the turn ends with %v, want ErrLost", turn.Cause())
	}
}

// The gate ends while it claims the lease of a turn that it gave by itself.
func TestAbandonedClaimIsLeftBehind(t *testing.T) {
	b := newBench(t)
	b.goesAway()
	turn := b.runs(b.request())
	b.pass(time.Second)
	b.comesBack()
	claim := b.call()
	turn.Abandon(5 * time.Minute)
	b.silent()
	b.pass(time.Second)
	claim.answer(b.mine(7, 0), nil)
	if c := b.renewal(); c.token != 7 || c.ttl != 5*time.Minute-time.Second {
		t.Errorf("the lease is left as %+v", c.renewCall)
	}
}
