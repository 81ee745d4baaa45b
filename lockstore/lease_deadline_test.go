package lockstore

import (
	"errors"
	"testing"
	"time"
)

// grantedTurn runs by a grant whose confirmation time is a second, and of which
// Redis says nothing more.
func grantedTurn(b *bench) *Turn {
	b.t.Helper()
	first, _ := b.queuedUp()
	b.grant(1, 7, time.Second, 0)
	return b.runs(first)
}

func TestGrantHoldsOnlyForTheConfirmationTime(t *testing.T) {
	b := newBench(t)
	turn := grantedTurn(b)
	b.jump(time.Second - simTiming.margin)
	turn.Release()
	b.lost(turn)
}

// Redis's clock was set ahead since the last sample.
func TestGrantLastsNoLongerThanItCan(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.ahead += 5 * time.Second
	b.grant(1, 7, time.Second, 0)
	turn := b.runs(first)
	b.jump(time.Second - simTiming.margin)
	turn.Release()
	b.lost(turn)
}

func TestGrantIsRenewedSoon(t *testing.T) {
	b := newBench(t)
	turn := grantedTurn(b)
	b.pass(simTiming.confirm/5 - 1)
	b.silent()
	b.pass(1)
	c := b.renewal()
	if c.conversation != 1 || c.token != 7 || c.ttl != simTiming.ttl {
		t.Errorf("renews %+v", c.renewCall)
	}
	c.answer(renewReply{outcome: renewed, now: b.redisNow()}, nil)
	b.pass(2 * time.Second) // beyond the confirmation time
	if turn.Cause() != nil {
		t.Error("the turn ends although its lease was renewed")
	}
}

func TestRenewalIsTriedAgainUntilTheDeadline(t *testing.T) {
	b := newBench(t)
	turn := grantedTurn(b)
	tries := 0
	for end := b.time.Add(time.Second); b.time.Before(end); b.pass(time.Millisecond) {
		for _, c := range b.sent {
			c.(*sentRenewal).answer(renewReply{}, errSimulated)
			tries++
		}
		b.sent = nil
		if at := b.time.Sub(epoch); at < time.Second-simTiming.margin && turn.Cause() != nil {
			t.Fatalf("the turn ends at %v, before its deadline", at)
		}
	}
	b.lost(turn)
	if tries < 3 {
		t.Errorf("%d tries, want some more", tries)
	}
}

func TestRenewalExtendsFromItsSending(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	b.pass(simTiming.ttl / 3)
	c := b.renewal()
	sent := b.time
	b.jump(2 * time.Second)
	c.answer(renewReply{outcome: renewed, now: b.redisNow()}, nil)
	b.time = sent.Add(simTiming.ttl - simTiming.margin)
	turn.Release()
	b.lost(turn)
}

// A process that was stopped wakes up before its alarms do.
func TestDeadlineIsCheckedAtEveryUse(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	next := b.request()
	b.jump(simTiming.ttl - simTiming.margin)
	turn.Release()
	b.lost(turn)
	b.waits(next)
	b.says(b.call(), 1, 2)
}

func TestDeadlineEndsTheTurn(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	next := b.request()
	b.pass(simTiming.ttl - simTiming.margin - time.Nanosecond)
	b.renewal() // no answer
	b.runs(&ticket{turn: turn})
	b.pass(time.Nanosecond)
	b.lost(turn)
	b.waits(next)
}

func TestRenewalSaysLost(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	next := b.request()
	b.pass(simTiming.ttl / 3)
	b.renewal().answer(renewReply{outcome: renewLost, now: b.redisNow()}, nil)
	b.lost(turn)
	b.pass(time.Minute)
	b.waits(next) // the request of the lost turn still runs
	b.silent()
	turn.Release()
	b.waits(next)
	c := b.call()
	b.says(c, 1, 2)
	c.answer(b.mine(9, 0), nil)
	b.runs(next)
}

// The lease had run out, others had run, and then Redis forgot: the late renewal
// was taken for that of a lease that Redis has never seen.
func TestRenewalDoesNotRestoreALeaseThatHadRunOut(t *testing.T) {
	for name, c := range map[string]struct {
		outcome renewOutcome
		stopped time.Duration
		lost    bool
	}{
		"restored in time":       {restored, 0, false},
		"restored too late":      {restored, 2 * time.Second, true},
		"never lost, heard late": {renewed, 2 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			turn := grantedTurn(b)
			b.pass(simTiming.confirm / 5)
			renewal := b.renewal()
			b.jump(c.stopped)
			renewal.answer(renewReply{outcome: c.outcome, now: b.redisNow()}, nil)
			if lost := turn.Cause() != nil; lost != c.lost {
				t.Errorf("lost: %v, want %v", lost, c.lost)
			}
		})
	}
}

func TestLostKeepsTheLineShut(t *testing.T) {
	for name, hint := range map[string]func(*bench, *sentTurn){
		"a grant":         func(b *bench, _ *sentTurn) { b.grant(1, 9, time.Second, 0) },
		"a want":          func(b *bench, _ *sentTurn) { b.wanted(here, 1) },
		"a late answer":   func(b *bench, c *sentTurn) { c.answer(b.asBefore(9, 0), nil) },
		"a new request":   func(b *bench, _ *sentTurn) { b.request() },
		"a reconnection":  func(b *bench, _ *sentTurn) { b.reconnected() },
		"one that leaves": func(b *bench, _ *sentTurn) { b.depart(b.request()) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			first := b.request()
			late := b.call()
			b.wanted(here, 1)
			b.call().answer(b.mine(7, 0), nil)
			turn, next := b.runs(first), b.request()
			b.jump(simTiming.ttl / 3)
			b.pass(0)
			b.renewal().answer(renewReply{outcome: renewLost, now: b.redisNow()}, nil)
			b.lost(turn)
			hint(b, late)
			b.pass(0)
			b.silent()
			b.waits(next)
			turn.Release()
			b.waits(next)
			b.says(b.call(), 1, 2)
		})
	}
}

func TestLostWithoutAnybodyElseReleases(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	b.pass(simTiming.ttl / 3)
	b.renewal().answer(renewReply{outcome: renewLost, now: b.redisNow()}, nil)
	turn.Release()
	b.says(b.call(), 1, 0)
	if n := b.count().sessions; n != 0 {
		t.Errorf("%d sessions are kept", n)
	}
}

// The gate was stopped; its lease ran out, another gate ran, and then its delayed
// poll took the lease once more.
func TestLateAnswerOfANewerLeaseEndsTheTurn(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.pass(simTiming.poll)
	poll := b.call()
	b.grant(1, 7, time.Second, 0)
	turn := b.runs(first)
	b.jump(2 * time.Second)
	poll.answer(b.mine(9, 0), nil)
	b.lost(turn)
}

func TestLateAnswerOfTheSameLeaseExtendsIt(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.pass(simTiming.poll)
	poll := b.call()
	b.grant(1, 7, time.Second, 0)
	turn := b.runs(first)
	poll.answer(b.asBefore(7, 0), nil)
	b.jump(2 * time.Second)
	turn.Release()
	if cause := turn.Cause(); !errors.Is(cause, ErrReleased) {
		t.Errorf("the turn ends with %v", cause)
	}
}

func TestLateAnswerOfAnOlderLeaseExtendsNothing(t *testing.T) {
	b := newBench(t)
	first, _ := b.queuedUp()
	b.pass(simTiming.poll)
	poll := b.call()
	b.grant(1, 7, time.Second, 0)
	turn := b.runs(first)
	poll.answer(b.mine(5, 0), nil) // before Redis forgot
	b.jump(2 * time.Second)
	turn.Release()
	b.lost(turn)
}
