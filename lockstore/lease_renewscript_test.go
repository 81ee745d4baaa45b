package lockstore

import "testing"

func (b *scriptBench) renewal(name string, conversation, token uint64, want renewOutcome) {
	b.t.Helper()
	if r := b.renew(name, conversation, token, simTiming.ttl); r.outcome != want {
		b.t.Errorf("outcome %d, want %d; Redis knows %q", r.outcome, want, b.state())
	}
}

func TestScriptRenewalKeepsTheLease(t *testing.T) {
	b := newScriptBench(t)
	token := b.is(b.ask("a", 1, 0), taken).token
	for range 5 {
		b.pass(simTiming.ttl - 1e6)
		b.renewal("a", 1, token, renewed)
	}
	b.is(b.ask("b", 1, 0), queued)
	if r := b.renew("a", 1, token, simTiming.ttl); r.waiting != 1 {
		t.Errorf("%d wait, want 1", r.waiting)
	}
}

func TestScriptRenewalOfAnotherLeaseIsLost(t *testing.T) {
	b := newScriptBench(t)
	first := b.is(b.ask("a", 1, 0), taken).token
	b.is(b.ask("a", 2, 0), taken)
	b.renewal("a", 1, first, renewLost)
	b.renewal("b", 1, first, renewLost)
	b.is(b.ask("a", 2, 0), kept)
}

// Nobody else has taken it, but somebody may have run meanwhile.
func TestScriptRenewalOfALeaseThatRanOutIsLost(t *testing.T) {
	b := newScriptBench(t)
	token := b.is(b.ask("a", 1, 0), taken).token
	b.pass(simTiming.ttl)
	b.renewal("a", 1, token, renewLost)
	b.is(b.ask("b", 1, 0), taken)
}

func TestScriptRenewalRestoresWhatRedisForgot(t *testing.T) {
	b := newScriptBench(t)
	token := b.is(b.ask("a", 1, 0), taken).token
	b.redis.FlushAll()
	b.renewal("a", 1, token, restored)
	b.is(b.ask("b", 1, 0), queued)
	b.release("a", 1)
	if r := b.is(b.ask("b", 1, 0), taken); r.token <= token {
		t.Errorf("token %d after %d", r.token, token)
	}
}

func TestScriptRenewalDoesNotTakeBackWhatAnotherGotMeanwhile(t *testing.T) {
	b := newScriptBench(t)
	token := b.is(b.ask("a", 1, 0), taken).token
	b.redis.FlushAll()
	b.pass(1000)
	b.is(b.ask("b", 1, 0), taken)
	b.renewal("a", 1, token, renewLost)
	b.is(b.ask("b", 1, 0), kept)
}

func TestScriptRenewalSaysWhatWasSpent(t *testing.T) {
	b := newScriptBench(t)
	token := b.is(b.ask("a", 1, 0), taken).token
	spent := token + 100_000_000
	if _, err := renewOn(b.gate("a"), renewCall{key: here, conversation: 1, token: token, spent: spent, ttl: simTiming.ttl}); err != nil {
		t.Fatal(err)
	}
	b.pass(simTiming.ttl) // the gate is gone
	if r := b.is(b.ask("b", 1, 0), taken); r.token <= spent {
		t.Errorf("token %d, want more than %d", r.token, spent)
	}
}
