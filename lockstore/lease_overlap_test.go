package lockstore

import (
	"testing"
	"time"
)

// counted is a bench that counts the leases that were not the gate's any more.
func counted(t *testing.T) (*bench, *int) {
	b := newBench(t)
	n := new(int)
	b.events.Overlapped = func(Key) { *n++ }
	return b, n
}

var another = turnReply{overlapped: true}

func (b *bench) wantOverlaps(n *int, want int) {
	b.t.Helper()
	if *n != want {
		b.t.Errorf("%d overlaps are counted, want %d", *n, want)
	}
}

// Redis forgot the lease and gave it to another gate, and the turn ended before
// a renewal could find out.
func TestOverlappedReleaseIsCounted(t *testing.T) {
	b, n := counted(t)
	turn, _ := b.held(7, 0)
	turn.Release()
	b.pass(simTiming.linger)
	b.call().answer(another, nil)
	b.wantOverlaps(n, 1)
}

func TestOverlappedReleaseThatAsksAgainIsCounted(t *testing.T) {
	b, n := counted(t)
	turn, _ := b.held(7, 1)
	next := b.request()
	turn.Release()
	c := b.call()
	b.says(c, 1, 2)
	c.answer(turnReply{outcome: queued, rest: time.Second, overlapped: true, now: b.redisNow()}, nil)
	b.waits(next)
	b.wantOverlaps(n, 1)
}

// Only the first call that ends the conversation can tell: once it has run,
// anybody may have the lease.
func TestOverlapIsNotJudgedByARepeatedRelease(t *testing.T) {
	b, n := counted(t)
	turn, _ := b.held(7, 1)
	b.request()
	turn.Release()
	b.call().answer(turnReply{}, errSimulated)
	b.pass(simTiming.retry)
	c := b.call()
	b.says(c, 1, 2)
	c.answer(turnReply{outcome: queued, rest: time.Second, overlapped: true, now: b.redisNow()}, nil)
	b.wantOverlaps(n, 0)
}

// An answer that comes after the lease's own end says nothing: it may have run
// out before Redis ran the call.
func TestOverlapIsNotJudgedBehindTheLeasesEnd(t *testing.T) {
	b, n := counted(t)
	turn, _ := b.held(7, 0)
	turn.Release()
	b.pass(simTiming.linger)
	c := b.call()
	b.jump(simTiming.ttl)
	c.answer(another, nil)
	b.wantOverlaps(n, 0)
}

func TestOverlapIsNotJudgedWhereNothingWasHeld(t *testing.T) {
	b, n := counted(t)
	first, _ := b.queuedUp()
	b.depart(first)
	b.call().answer(another, nil)
	b.wantOverlaps(n, 0)
}

// A lease that is known to be lost was counted with its turn.
func TestOverlapIsNotCountedTwice(t *testing.T) {
	b, n := counted(t)
	turn, _ := b.held(7, 0)
	b.pass(simTiming.ttl / 3)
	b.renewal().answer(renewReply{outcome: renewLost, now: b.redisNow()}, nil)
	b.lost(turn)
	turn.Release()
	b.call().answer(another, nil)
	b.wantOverlaps(n, 0)
}

// A cancel may have run before the release, and others after it.
func TestOverlapIsNotJudgedBesideAnotherCall(t *testing.T) {
	b, n := counted(t)
	turn, _ := b.held(7, 0)
	turn.Release()
	b.pass(simTiming.linger)
	release := b.call()
	b.wanted(here, 1)
	b.says(b.call(), 1, 0)
	release.answer(another, nil)
	b.wantOverlaps(n, 0)
}

// What is kept for the answer to a release is gone with it.
func TestReleasedSessionIsForgotten(t *testing.T) {
	for name, err := range map[string]error{"answered": nil, "not answered": errSimulated} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			turn, _ := b.held(7, 0)
			turn.Release()
			b.pass(simTiming.linger)
			if c := b.count(); c.sessions != 0 {
				t.Errorf("%+v while the release is under way", c)
			}
			b.call().answer(turnReply{}, err)
			if len(b.bySession) != 0 || b.leaving != 0 {
				t.Errorf("%d sessions are kept, %d of them leaving", len(b.bySession), b.leaving)
			}
		})
	}
}

func TestSessionThatComesBackWhileItIsReleasedIsKept(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	turn.Release()
	b.pass(simTiming.linger)
	release := b.call()
	next := b.request()
	c := b.call()
	b.says(c, 1, 2)
	release.answer(turnReply{}, nil)
	c.answer(b.mine(8, 0), nil)
	b.runs(next)
	if n := b.count().sessions; n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}
