package lockstore

import (
	"errors"
	"testing"
	"time"
)

func TestAskingBeginsAConversation(t *testing.T) {
	b := newBench(t)
	b.request()
	c := b.call()
	b.says(c, 0, 1)
	if c.spent != 0 || b.age(c) != 0 {
		t.Errorf("a new request says spent %d, age %v", c.spent, b.age(c))
	}
	b.request()
	b.silent() // one conversation for the line
}

func TestAskingGetsTheTurnByTheAnswer(t *testing.T) {
	b := newBench(t)
	first, second := b.request(), b.request()
	b.call().answer(b.mine(7, 0), nil)
	if f := b.runs(first).Fence(); f != 7 {
		t.Errorf("fence %d, want the token", f)
	}
	b.waits(second)
	b.silent()
}

// A deadline counts from the sending: when Redis has run the call is not known.
func TestAskingDoesNotTrustAnAnswerThatTookTooLong(t *testing.T) {
	b := newBench(t)
	first := b.request()
	c := b.call()
	b.jump(simTiming.ttl - simTiming.margin)
	c.answer(b.mine(7, 0), nil)
	b.waits(first)
	again := b.call()
	b.says(again, 0, 1)
	again.answer(b.asBefore(7, 0), nil)
	b.runs(first)
}

func TestAskingGetsTheTurnByAGrant(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.pass(100 * time.Millisecond)
	b.grant(1, 9, time.Second, 0)
	if f := b.runs(first).Fence(); f != 9 {
		t.Errorf("fence %d, want the token", f)
	}
	b.silent()
	b.grant(1, 9, time.Second, 0) // twice
	b.silent()
}

// The bound on Redis's time is all that tells an old message from a new one.
func TestAskingDoesNotTakeAnOldGrant(t *testing.T) {
	for name, rest := range map[string]time.Duration{"run out": -time.Second, "within the margin": simTiming.margin} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			first, _ := b.queuedUp()
			b.pass(200 * time.Millisecond)
			b.grant(1, 9, rest, 0)
			b.waits(first)
			b.says(b.call(), 0, 1) // asks at once
		})
	}
}

// An answer to a call from before may be of another server's clock.
func TestAskingForgetsSamplesOfCallsThatAreUnderWay(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.pass(simTiming.poll)
	poll := b.call()
	b.pass(time.Millisecond)
	b.reconnected()
	poll.answer(b.queue(time.Second), nil)
	b.grant(1, 9, time.Second, 0)
	b.waits(first)
}

// Thousands of calls at once would keep other calls waiting.
func TestAskingSessionsAskAgainOneByOne(t *testing.T) {
	b := newBench(t)
	for n := range 10 {
		b.enters(Request{Key: Key{15: byte(n)}})
		b.call().answer(b.queue(8*time.Second), nil)
	}
	b.reconnected()
	b.pass(2 * pollApart)
	if n := len(b.sent); n != 3 {
		t.Errorf("%d calls are sent at once, want 3", n)
	}
	b.pass(7 * pollApart)
	if n := len(b.sent); n != 10 {
		t.Errorf("%d calls are sent, want 10", n)
	}
}

func TestAskingDoesNotTakeAGrantWithoutKnowingTheTime(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.reconnected()
	b.pass(0)
	b.says(b.call(), 0, 1) // messages may have been lost
	b.grant(1, 9, time.Second, 0)
	b.waits(first)
	again := b.call()
	b.says(again, 0, 1)
	again.answer(b.asBefore(9, 0), nil)
	b.runs(first)
}

func TestAskingForgetsAnOldSample(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.jump(2 * boundWindow)
	b.grant(1, 9, time.Second, 0)
	b.waits(first)
	b.call()
}

// Redis takes the gate for the holder, so the answer that said so was lost.
func TestAskingWantedAsksAgain(t *testing.T) {
	b := newBench(t)
	first := b.request()
	b.call() // no answer
	b.wanted(here, 1)
	again := b.call()
	b.says(again, 0, 1)
	again.answer(b.asBefore(3, 0), nil)
	turn, second := b.runs(first), b.request()
	turn.Release()
	b.says(b.call(), 1, 2) // contended: the want said so
	b.waits(second)
}

func TestAskingPolls(t *testing.T) {
	for _, c := range []struct{ rest, in time.Duration }{
		{8 * time.Second, simTiming.poll},
		{90 * time.Millisecond, 91 * time.Millisecond}, // then the lease may end
	} {
		b := newBench(t)
		first := b.request()
		b.call().answer(b.queue(c.rest), nil)
		b.pass(c.in - time.Microsecond)
		b.silent()
		b.pass(time.Microsecond)
		again := b.call()
		b.says(again, 0, 1)
		if b.age(again) != c.in {
			t.Errorf("the age is %v after %v", b.age(again), c.in)
		}
		b.waits(first)
	}
}

func TestAskingAsksAgainAfterATimeout(t *testing.T) {
	b := newBench(t)
	first := b.request()
	c := b.call()
	b.pass(simTiming.timeout)
	c.answer(turnReply{}, errSimulated)
	b.silent()
	b.pass(simTiming.retry)
	again := b.call()
	b.says(again, 0, 1)
	again.answer(b.asBefore(3, 0), nil) // the first one has run
	b.runs(first)
}

func TestAskingIsCancelledWhenTheLastOneLeaves(t *testing.T) {
	b := newBench(t)
	first, c := b.request(), b.call()
	second := b.request()
	b.depart(second)
	b.silent()
	b.depart(first)
	cancel := b.call()
	b.says(cancel, 1, 0)
	if n := b.count().sessions; n != 0 {
		t.Errorf("%d sessions are kept", n)
	}
	cancel.answer(turnReply{}, nil)
	b.request()
	b.says(b.call(), 0, 2) // a number is never used again
	c.answer(b.queue(time.Second), nil)
	b.silent() // an old conversation's
}

// The place in Redis's queue is that of the request that waits.
func TestAskingGivesUpThePlaceOfWhoLeft(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.pass(200 * time.Millisecond)
	b.request()
	b.pass(100 * time.Millisecond)
	b.depart(first)
	c := b.call()
	b.says(c, 0, 1)
	if b.age(c) != 100*time.Millisecond {
		t.Errorf("age %v, want that of the one that waits", b.age(c))
	}
}

func TestAskingRejectsBusyWhereAnotherGateHolds(t *testing.T) {
	b := newBench(t)
	busy := b.enters(Request{Key: here, RejectBusy: true})
	b.call().answer(b.queue(time.Second), nil)
	if busy.settled() {
		t.Fatal("settled at once: the lease may only linger")
	}
	b.pass(simTiming.retry)
	b.call().answer(b.queue(time.Second), nil)
	if !errors.Is(busy.err, ErrBusy) {
		t.Errorf("%v, want ErrBusy", busy.err)
	}
	b.says(b.call(), 1, 0)
}

func TestAskingGivesUpThePlaceOfWhoIsRefused(t *testing.T) {
	b := newBench(t)
	busy := b.enters(Request{Key: here, RejectBusy: true})
	b.call().answer(b.queue(time.Second), nil)
	b.pass(simTiming.retry)
	second := b.call()
	b.request()
	second.answer(b.queue(time.Second), nil)
	if !errors.Is(busy.err, ErrBusy) {
		t.Errorf("%v, want ErrBusy", busy.err)
	}
	c := b.call()
	b.says(c, 0, 1)
	if b.age(c) != 0 {
		t.Errorf("age %v, want that of the one that waits", b.age(c))
	}
}

func TestAskingTellsEveryCallWhatIsOver(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 1)
	b.request()
	turn.Release()
	c := b.call()
	b.says(c, 1, 2)
	b.pass(simTiming.timeout)
	c.answer(turnReply{}, errSimulated) // may not have run
	b.pass(simTiming.retry)
	again := b.call()
	b.says(again, 1, 2)
	if again.spent != 7 {
		t.Errorf("spent %d, want 7", again.spent)
	}
	again.answer(b.queue(time.Second), nil)
	b.pass(time.Second)
	b.says(b.call(), 0, 2)
}

// A call that takes long on its way must not make its request seem younger.
func TestAskingSaysTheSameArrivalInEveryCall(t *testing.T) {
	b := newBench(t)
	b.request()
	arrived := b.redisNow()
	b.call().answer(b.queue(time.Second), nil) // tells the time of Redis
	for range 3 {
		b.pass(time.Second)
		again := b.call()
		if again.arrival != arrived {
			t.Errorf("arrival %d, want %d", again.arrival, arrived)
		}
		again.answer(b.queue(time.Second), nil)
	}
}
