package lockstore

import (
	"errors"
	"testing"
	"time"
)

func TestAwayGateGivesTurnsByItself(t *testing.T) {
	b := newBench(t)
	strict := b.enters(Request{Key: here, NoFallback: true})
	lenient := b.request()
	b.call()
	b.goesAway()
	if !errors.Is(strict.err, ErrAway) {
		t.Errorf("%v, want ErrAway", strict.err)
	}
	turn := b.runs(lenient)
	if !turn.Local() {
		t.Error("the turn does not say that it is local")
	}
	next := b.request()
	turn.Release()
	if second := b.runs(next); second.Fence() <= turn.Fence() {
		t.Errorf("fence %d after %d", second.Fence(), turn.Fence())
	}
	b.silent()
}

func TestAwayRefusesWhoDoesNotWantTo(t *testing.T) {
	b := newBench(t)
	b.goesAway()
	strict := Request{Key: here, NoFallback: true}
	if _, err := b.enter(strict); !errors.Is(err, ErrAway) {
		t.Errorf("%v of a new session, want ErrAway", err)
	}
	b.request()
	if _, err := b.enter(strict); !errors.Is(err, ErrAway) {
		t.Errorf("%v of a session that is served, want ErrAway", err)
	}
}

func TestAwayLeaseGoesOnUntilItsDeadline(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	b.goesAway()
	next, strict := b.request(), b.enters(Request{Key: here, NoFallback: true})
	turn.Release()
	second := b.runs(next)
	if second.Local() {
		t.Error("the lease still holds")
	}
	b.pass(simTiming.ttl)
	b.lost(second)
	third := b.request()
	second.Release()
	if !errors.Is(strict.err, ErrAway) {
		t.Errorf("%v, want ErrAway", strict.err)
	}
	if !b.runs(third).Local() {
		t.Error("a local turn does not say so")
	}
	b.silent()
}

func TestBackGateClaimsWhatRunsFirst(t *testing.T) {
	b := newBench(t)
	b.goesAway()
	first, next := b.request(), b.request()
	turn := b.runs(first)
	b.comesBack()
	claim := b.call()
	b.says(claim, 0, 1)
	if claim.spent != turn.Fence() {
		t.Errorf("spent %d, want %d", claim.spent, turn.Fence())
	}
	claim.answer(b.mine(turn.Fence()+1, 0), nil)
	b.runs(first)
	turn.Release()
	if second := b.runs(next); second.Local() || second.Fence() <= turn.Fence() {
		t.Errorf("after the claim: local %v, fence %d after %d", second.Local(), second.Fence(), turn.Fence())
	}
}

func TestBackConflictIsALostLease(t *testing.T) {
	b := newBench(t)
	b.goesAway()
	first, next := b.request(), b.request()
	turn := b.runs(first)
	b.comesBack()
	b.call().answer(b.queue(time.Second), nil)
	b.lost(turn)
	b.waits(next)
	b.says(b.call(), 1, 0) // it does not stay in the queue
	turn.Release()
	b.waits(next)
	b.says(b.call(), 0, 2)
}

func TestBackTurnThatEndsDuringTheClaimDoesNotPassItOn(t *testing.T) {
	b := newBench(t)
	b.goesAway()
	first, next := b.request(), b.request()
	b.comesBack()
	claim := b.call()
	b.runs(first).Release()
	b.waits(next)
	b.says(b.call(), 0, 1) // for the next one: it does not inherit the claim's place
	claim.answer(b.queue(time.Second), nil)
	b.waits(next)
	b.grant(1, uint64(b.redisNow()), time.Second, 0)
	b.runs(next)
}

func TestBackHeldLeaseIsRenewed(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	b.goesAway()
	b.pass(simTiming.ttl / 2)
	b.silent()
	b.comesBack()
	b.renewal().answer(renewReply{outcome: restored, now: b.redisNow()}, nil)
	b.runs(&ticket{turn: turn})
}

func TestBackGoneDuringTheClaim(t *testing.T) {
	b := newBench(t)
	b.goesAway()
	first, next := b.request(), b.request()
	b.comesBack()
	claim := b.call()
	b.goesAway()
	claim.answer(turnReply{}, errSimulated)
	turn := b.runs(first)
	turn.Release()
	if !b.runs(next).Local() {
		t.Error("the gate has a lease that nobody gave it")
	}
}
