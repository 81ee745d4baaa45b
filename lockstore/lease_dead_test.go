package lockstore

import (
	"testing"
	"time"
)

// dead is a gate whose first conversation is over, and whose second one holds.
func dead(t *testing.T) (b *bench, late *sentTurn, turn *Turn) {
	t.Helper()
	b = newBench(t)
	first := b.request()
	late = b.call()
	b.depart(first)
	b.says(b.call(), 1, 0)
	second := b.request()
	b.call().answer(b.mine(7, 0), nil)
	return b, late, b.runs(second)
}

func TestDeadConversationIsCancelledExactly(t *testing.T) {
	for name, hear := range map[string]func(*bench, *sentTurn){
		"by a grant":           func(b *bench, _ *sentTurn) { b.grant(1, 5, time.Second, 0) },
		"by a want":            func(b *bench, _ *sentTurn) { b.wanted(here, 1) },
		"by a late answer":     func(b *bench, c *sentTurn) { c.answer(b.mine(5, 0), nil) },
		"by a repeated answer": func(b *bench, c *sentTurn) { c.answer(b.asBefore(5, 1), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			b, late, turn := dead(t)
			hear(b, late)
			b.says(b.call(), 1, 0) // and not the second one
			b.runs(&ticket{turn: turn})
			next := b.request()
			turn.Release()
			b.runs(next) // is not contended by what was said of the first one
		})
	}
}

func TestDeadConversationOfAForgottenSessionIsCancelled(t *testing.T) {
	b := newBench(t)
	b.grant(3, 5, time.Second, 0)
	b.says(b.call(), 3, 0)
	b.wanted(there, 4)
	c := b.call()
	b.says(c, 4, 0)
	if c.key != there {
		t.Error("the wrong session is released")
	}
}

func TestOtherAnswersOfADeadConversationAreIgnored(t *testing.T) {
	for name, r := range map[string]turnReply{
		"queued": {outcome: queued, rest: time.Second}, "stale": {outcome: stale}, "not asked": {},
	} {
		t.Run(name, func(t *testing.T) {
			b, late, turn := dead(t)
			late.answer(r, nil)
			b.silent()
			b.runs(&ticket{turn: turn})
		})
	}
	b, late, turn := dead(t)
	late.answer(turnReply{}, errSimulated)
	b.silent()
	b.runs(&ticket{turn: turn})
}

// The call that ends the first conversation asks for the second one: a cancel
// that overtook it would give the lease to a younger request of another gate.
func TestDeadConversationThatACallEndsIsNotCancelledTwice(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 1)
	next := b.request()
	turn.Release()
	c := b.call()
	b.says(c, 1, 2)
	b.wanted(here, 1)
	b.grant(1, 7, time.Second, 0)
	b.silent()
	c.answer(b.mine(9, 0), nil)
	b.runs(next)
	b.wanted(here, 1) // now it says something new
	b.says(b.call(), 1, 0)
}

func TestConversationsAreNumberedAcrossSessions(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	b.enters(Request{Key: there})
	b.says(b.call(), 0, 2)
	turn.Release()
	b.pass(simTiming.linger)
	b.says(b.call(), 1, 0)
	b.request()
	b.says(b.call(), 1, 3) // the release is not answered yet
}

func TestOldRenewalsAreIgnored(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 1)
	b.pass(simTiming.ttl / 3)
	renewal := b.renewal()
	next := b.request()
	turn.Release()
	b.call().answer(b.mine(9, 0), nil)
	second := b.runs(next)
	renewal.answer(renewReply{outcome: renewLost, now: b.redisNow()}, nil)
	b.runs(&ticket{turn: second})
}
