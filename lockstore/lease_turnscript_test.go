package lockstore

import (
	"fmt"
	"testing"
	"time"
)

// An acquire may run before the release of the turn before: the release is late.
func TestScriptAcquireThatOvertakesTheRelease(t *testing.T) {
	b := newScriptBench(t)
	first := b.is(b.ask("a", 1, 0), taken)
	second := b.is(b.ask("a", 2, 0), taken)
	if second.token <= first.token {
		t.Errorf("token %d after %d", second.token, first.token)
	}
	b.release("a", 1)
	b.is(b.ask("b", 1, 0), queued) // the second conversation still holds
	b.is(b.ask("a", 2, 0), kept)
}

func TestScriptLateAcquireIsStale(t *testing.T) {
	b := newScriptBench(t)
	b.is(b.ask("a", 2, 0), taken)
	b.is(b.ask("a", 1, 0), stale)
	b.is(b.ask("b", 2, 0), queued)
	b.is(b.ask("b", 1, 0), stale)
	b.hears("b")
	b.release("a", 2)
	var token, expiry uint64
	fields := fmt.Sprintf("grant %x 2 %%d %%d 0 0", here[:])
	if _, err := fmt.Sscanf(b.message("b"), fields, &token, &expiry); err != nil {
		t.Error(err)
	}
}

func TestScriptLateCancelLeavesTheNextPlace(t *testing.T) {
	b := newScriptBench(t)
	b.hears("b")
	b.is(b.ask("a", 1, 0), taken)
	b.is(b.ask("b", 2, 0), queued)
	b.release("b", 1)
	b.release("a", 1)
	b.is(b.ask("b", 2, 0), kept)
}

func TestScriptCancelGivesUpThePlace(t *testing.T) {
	b := newScriptBench(t)
	b.hears("b")
	b.is(b.ask("a", 1, 0), taken)
	b.is(b.ask("b", 1, 0), queued)
	b.release("b", 1)
	b.release("a", 1)
	b.is(b.ask("c", 1, 0), taken)
}

// The gate has used more fences than the token: the next token is above them.
func TestScriptTokenIsAboveWhatWasSpent(t *testing.T) {
	for name, ask := range map[string]uint64{"release": 0, "release and ask again": 2} {
		t.Run(name, func(t *testing.T) {
			b := newScriptBench(t)
			spent := b.is(b.ask("a", 1, 0), taken).token + 1_000_000
			r := b.call("a", turnCall{key: here, over: 1, spent: spent, ask: ask})
			if ask == 0 {
				r = b.is(b.ask("b", 1, 0), taken)
			}
			if r.token <= spent {
				t.Errorf("token %d, want more than %d", r.token, spent)
			}
		})
	}
}

func TestScriptStaleCallStillSaysWhatWasSpent(t *testing.T) {
	b := newScriptBench(t)
	spent := b.is(b.ask("a", 2, 0), taken).token + 1_000_000
	b.is(b.call("a", turnCall{key: here, ask: 1, spent: spent}), stale)
	if r := b.is(b.ask("a", 3, 0), taken); r.token <= spent {
		t.Errorf("token %d, want more than %d", r.token, spent)
	}
}

// A place is that of the request that asks, not of one that has left.
func TestScriptPlaceIsOverwritten(t *testing.T) {
	b := newScriptBench(t)
	b.hears("b", "c")
	b.is(b.ask("a", 1, 0), taken)
	b.is(b.ask("b", 1, 10*time.Second), queued)
	b.is(b.ask("c", 1, 5*time.Second), queued)
	b.is(b.ask("b", 2, time.Second), queued)
	b.release("a", 1)
	b.is(b.ask("b", 2, time.Second), queued)
	b.is(b.ask("c", 1, 5*time.Second), kept)
}

// Who asks takes its place before anybody is picked.
func TestScriptOlderRequestGoesBeforeThoseThatWait(t *testing.T) {
	b := newScriptBench(t)
	b.hears("b")
	b.is(b.ask("a", 1, 0), taken)
	b.is(b.ask("b", 1, 0), queued)
	b.is(b.call("a", turnCall{key: here, over: 1, ask: 2, arrival: -time.Second.Microseconds()}), taken)
	b.pass(time.Millisecond)
	b.is(b.call("a", turnCall{key: here, over: 2, ask: 3}), queued) // younger: passes it on
	b.is(b.ask("b", 1, 0), kept)
}

func TestScriptNobodyHearsTheGrant(t *testing.T) {
	b := newScriptBench(t)
	b.hears("c")
	b.is(b.ask("a", 1, 0), taken)
	b.is(b.ask("b", 1, time.Second), queued) // has lost its subscription
	b.is(b.ask("c", 1, 0), queued)
	b.release("a", 1)
	b.is(b.ask("c", 1, 0), kept)
}

// In a cluster nobody knows who listens on other nodes.
func TestScriptClusterDoesNotCountWhoHears(t *testing.T) {
	b := newScriptBench(t)
	b.gateOf("a", true)
	b.hears("c")
	b.is(b.ask("a", 1, 0), taken)
	b.is(b.ask("b", 1, time.Second), queued)
	b.is(b.ask("c", 1, 0), queued)
	b.release("a", 1)
	if r := b.is(b.ask("c", 1, 0), queued); r.rest > simTiming.confirm {
		t.Errorf("a grant that nobody confirms holds for %v", r.rest)
	}
	b.pass(simTiming.confirm)
	b.is(b.ask("c", 1, 0), taken)
}

func TestScriptSkipsWhoIsNotAlive(t *testing.T) {
	b := newScriptBench(t)
	b.hears("b", "c")
	b.is(b.ask("a", 1, 0), taken)
	b.is(b.ask("b", 1, time.Second), queued)
	b.pass(simTiming.alive() + time.Millisecond)
	b.is(b.ask("c", 1, 0), queued)
	b.release("a", 1)
	b.is(b.ask("c", 1, 0), kept)
}

func TestScriptTellsTheHolderThatItIsWanted(t *testing.T) {
	b := newScriptBench(t)
	b.hears("a")
	b.is(b.ask("a", 4, 0), taken)
	r := b.is(b.ask("b", 1, 0), queued)
	if want, got := fmt.Sprintf("want %x 4", here[:]), b.message("a"); got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	if r.rest != simTiming.ttl || r.waiting != 0 {
		t.Errorf("rest %v, %d others, want the lease's and none", r.rest, r.waiting)
	}
	if r := b.ask("a", 4, 0); r.waiting != 1 {
		t.Errorf("the holder hears of %d that wait, want 1", r.waiting)
	}
}

func TestScriptTokensRiseWhenTheClockIsSetBack(t *testing.T) {
	b := newScriptBench(t)
	last := b.is(b.ask("a", 1, 0), taken).token
	b.pass(-time.Hour)
	for c := range uint64(3) {
		r := b.is(b.call("a", turnCall{key: here, over: c + 1, spent: last, ask: c + 2}), taken)
		if r.token <= last {
			t.Errorf("token %d after %d", r.token, last)
		}
		last = r.token
	}
}

func TestScriptLeaseEndsThoughTheClockIsSetBack(t *testing.T) {
	b := newScriptBench(t)
	b.is(b.ask("a", 1, 0), taken)
	b.pass(-time.Hour)
	b.is(b.ask("b", 1, 0), queued)
	b.pass(simTiming.ttl)
	if r := b.is(b.ask("b", 1, 0), taken); !r.ranOut {
		t.Error("nobody says that the lease ran out")
	}
}

func TestScriptEveryKeyExpires(t *testing.T) {
	b := newScriptBench(t)
	token := b.is(b.ask("a", 1, 0), taken).token
	b.is(b.ask("b", 1, 0), queued)
	b.renew("a", 1, token, simTiming.ttl)
	b.pass(simTiming.keep() + time.Second)
	if left := b.state(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// What a gate left running when it ended stays locked, whoever asks meanwhile.
func TestScriptAbandonedLeaseOutlivesOtherCalls(t *testing.T) {
	for name, ask := range map[string]func(*scriptBench){
		"that asks":    func(b *scriptBench) { b.is(b.ask("b", 1, 0), queued) },
		"that cancels": func(b *scriptBench) { b.release("b", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newScriptBench(t)
			token := b.is(b.ask("a", 1, 0), taken).token
			b.renew("a", 1, token, 30*simTiming.ttl)
			ask(b)
			b.pass(29 * simTiming.ttl)
			b.is(b.ask("c", 1, 0), queued)
			b.pass(simTiming.ttl)
			b.is(b.ask("c", 1, 0), taken)
		})
	}
}

// Redis forgot the lease and gave it to another gate: whoever gives it back
// learns so, also when the other has given it back, too.
func TestScriptReleaseSaysThatTheLeaseWasGivenToAnother(t *testing.T) {
	for name, other := range map[string]func(*scriptBench){
		"that has it": func(*scriptBench) {},
		"that had it": func(b *scriptBench) { b.call("b", turnCall{key: here, over: 1, spent: uint64(b.clock.UnixMicro())}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newScriptBench(t)
			mine := b.is(b.ask("a", 1, 0), taken)
			b.redis.FlushAll()
			b.pass(time.Millisecond)
			b.is(b.ask("b", 1, 0), taken)
			other(b)
			if r := b.call("a", turnCall{key: here, over: 1, spent: mine.token}); !r.overlapped {
				t.Error("the release of a lease that was given to another says nothing of it")
			}
		})
	}
}

// A call that came late has taken a new lease for a conversation whose own one
// Redis had forgotten: others may have run in between.
func TestScriptReleaseKnowsItsLeaseByTheToken(t *testing.T) {
	b := newScriptBench(t)
	mine := b.is(b.ask("a", 1, 0), taken)
	b.redis.FlushAll()
	b.pass(time.Millisecond)
	b.is(b.ask("a", 1, 0), taken)
	if r := b.call("a", turnCall{key: here, over: 1, spent: mine.token}); !r.overlapped {
		t.Error("a newer lease passes for the one that is given back")
	}
}

// A gate whose clock is ahead has used fences above this lease's token.
func TestScriptReleaseIsItsOwnWhateverOthersHaveSpent(t *testing.T) {
	b := newScriptBench(t)
	mine := b.is(b.ask("a", 1, 0), taken)
	b.call("b", turnCall{key: here, over: 1, spent: mine.token + 1_000_000})
	if r := b.call("a", turnCall{key: here, over: 1, spent: mine.token}); r.overlapped {
		t.Error("a lease that was held to its end counts as overlapped")
	}
}

// An earlier call that comes late must not take from an abandoned lease what it
// was left with.
func TestScriptLateCallsShortenNoLease(t *testing.T) {
	b := newScriptBench(t)
	mine := b.is(b.ask("a", 1, 0), taken)
	b.renew("a", 1, mine.token, time.Hour)
	b.renew("a", 1, mine.token, simTiming.ttl)
	b.is(b.ask("a", 1, 0), kept)
	b.pass(30 * time.Minute)
	b.is(b.ask("b", 1, 0), queued)
}

// Nothing is kept of a session that nobody has asked for: a gate cancels
// whatever a message names.
func TestScriptCancelOfAnUnknownSessionLeavesNothing(t *testing.T) {
	b := newScriptBench(t)
	b.release("a", 1)
	if keys := b.redis.Keys(); len(keys) > 0 {
		t.Errorf("%v are kept", keys)
	}
}

// What only runs the script would take a replica, or a full server, for one that
// leases can be had of.
func TestScriptProbeWritesAndLeavesNothing(t *testing.T) {
	b := newScriptBench(t)
	for range 2 { // over what the one before has left, too
		if err := b.gate("a").probe(t.Context(), here); err != nil {
			t.Fatal(err)
		}
		if keys := b.redis.Keys(); len(keys) != 1 {
			t.Fatalf("it has written %q", keys)
		}
	}
	b.pass(probeKept)
	if keys := b.redis.Keys(); len(keys) > 0 {
		t.Errorf("%v are kept", keys)
	}
}

// Whoever waits hears it before anybody gets the lease.
func TestScriptTellsThoseWhoWaitThatTheSessionIsOutdated(t *testing.T) {
	b := newScriptBench(t)
	b.hears("a", "b", "c")
	first := b.is(b.ask("a", 1, 0), taken)
	b.is(b.ask("b", 1, 0), queued)
	b.is(b.ask("c", 1, 0), queued)
	b.message("a")
	b.message("a") // that they wait
	b.pass(time.Millisecond)
	b.is(b.call("a", turnCall{key: here, over: 1, spent: first.token, ask: 2, outdates: true}), queued)
	outdated := fmt.Sprintf("outdated %x", here[:])
	for _, gate := range []string{"b", "c"} {
		if got := b.message(gate); got != outdated {
			t.Errorf("%s hears %q first, want %q", gate, got, outdated)
		}
	}
	var token, expiry uint64
	if _, err := fmt.Sscanf(b.message("b"), fmt.Sprintf("grant %x 1 %%d %%d 2 0", here[:]), &token, &expiry); err != nil {
		t.Error(err)
	}
	b.release("b", 1)
	b.release("c", 1)
	if got := b.message("a"); got == outdated {
		t.Error("the gate that has said it is told, too")
	}
}
