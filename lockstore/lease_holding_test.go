package lockstore

import (
	"errors"
	"testing"
	"time"
)

func TestHoldingServesTheLineWithoutRedis(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	for n := range 5 {
		next := b.request()
		turn.Release()
		turn = b.runs(next)
		if f := turn.Fence(); f != uint64(8+n) {
			t.Errorf("fence %d, want %d", f, 8+n)
		}
	}
	b.silent()
	turn.Release()
	b.pass(simTiming.linger)
	c := b.call()
	b.says(c, 1, 0)
	if c.spent != 12 {
		t.Errorf("spent %d, want the last fence", c.spent)
	}
	b.pass(time.Hour)
	b.silent() // neither awaited nor repeated
}

func TestHoldingLingersForTheNextRequest(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	turn.Release()
	next := b.request()
	b.runs(next)
	b.pass(simTiming.linger)
	b.silent()
	b.pass(simTiming.ttl/3 - simTiming.linger)
	b.renewal() // the alarm is set again
}

func TestHoldingDoesNotLingerBeyondTheDeadline(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	turn.Release()
	b.jump(simTiming.ttl)
	next := b.request()
	b.waits(next)
	b.says(b.call(), 1, 2)
}

func TestHoldingDoesNotLingerWhenWanted(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	turn.Release()
	b.silent()
	b.wanted(here, 1)
	b.says(b.call(), 1, 0)
	b.pass(time.Second)
	b.silent()
}

func TestHoldingContendedPassesTheTurnAfterEveryRequest(t *testing.T) {
	for name, contend := range map[string]func(*bench) *Turn{
		"by the answer": func(b *bench) *Turn { turn, _ := b.held(7, 1); return turn },
		"by a want":     func(b *bench) *Turn { turn, _ := b.held(7, 0); b.wanted(here, 1); return turn },
		"by a grant": func(b *bench) *Turn {
			first, _ := b.queuedUp()
			b.grant(1, 7, time.Second, 1)
			return b.runs(first)
		},
		"by a renewal": func(b *bench) *Turn {
			turn, _ := b.held(7, 0)
			b.pass(simTiming.ttl / 3)
			b.renewal().answer(renewReply{outcome: renewed, waiting: 1, now: b.redisNow()}, nil)
			return turn
		},
		"by a late answer": func(b *bench) *Turn {
			first, _ := b.queuedUp()
			b.pass(simTiming.poll)
			c := b.call()
			b.grant(1, 7, time.Second, 0)
			c.answer(b.asBefore(7, 1), nil)
			return b.runs(first)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			turn := contend(b)
			next := b.request()
			b.pass(30 * time.Millisecond)
			turn.Release()
			b.waits(next)
			c := b.call()
			b.says(c, 1, 2)
			if b.age(c) != 30*time.Millisecond || c.spent != 7 {
				t.Errorf("age %v and spent %d, want those of the next request and of the last turn", b.age(c), c.spent)
			}
		})
	}
}

// Who waited may have been counted out by a call that ran before it asked.
func TestHoldingStaysContended(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	b.wanted(here, 1)
	b.pass(simTiming.ttl / 3)
	b.renewal().answer(renewReply{outcome: renewed, now: b.redisNow()}, nil)
	b.request()
	turn.Release()
	b.says(b.call(), 1, 2)
}

func TestAskingStaysContended(t *testing.T) {
	b := newBench(t)
	first := b.request()
	c := b.call()
	b.wanted(here, 1)
	b.call()
	c.answer(b.mine(7, 0), nil)
	turn := b.runs(first)
	b.request()
	turn.Release()
	b.says(b.call(), 1, 2)
}

func TestHoldingContendedPassesTheTurnAfterABarrier(t *testing.T) {
	b := newBench(t)
	barrier := b.enters(Request{Key: here, Mode: Barrier})
	writer := b.request()
	b.call().answer(b.mine(7, 1), nil)
	b.runs(barrier)
	b.waits(writer)
	b.says(b.call(), 1, 2)
}

func TestHoldingUncontendedGoesOnAfterABarrier(t *testing.T) {
	b := newBench(t)
	barrier := b.enters(Request{Key: here, Mode: Barrier})
	writer := b.request()
	b.call().answer(b.mine(7, 0), nil)
	b.runs(barrier)
	b.runs(writer)
	b.silent()
}

// Any number of turns runs on one token: the next holder's must be above all.
func TestHoldingFencesRiseAcrossConversations(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	second := b.request()
	turn.Release()
	b.wanted(here, 1)
	third := b.request()
	b.runs(second).Release()
	b.call().answer(b.mine(8, 0), nil) // a Redis that does not know better
	if f := b.runs(third).Fence(); f != 9 {
		t.Errorf("fence %d after 8", f)
	}
}

func TestHoldingAbandonedKeepsTheSessionLocked(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	next := b.request()
	turn.Abandon(5 * time.Minute)
	c := b.renewal()
	if c.ttl != 5*time.Minute || c.conversation != 1 || c.token != 7 {
		t.Errorf("%+v does not keep the lease", c.renewCall)
	}
	if cause := turn.Cause(); !errors.Is(cause, ErrReleased) {
		t.Errorf("the turn ends with %v", cause)
	}
	c.answer(renewReply{outcome: renewed, waiting: 1, now: b.redisNow()}, nil)
	b.wanted(here, 1)
	b.pass(time.Hour)
	b.silent()
	b.waits(next)
	b.depart(next)
	b.silent()
}
