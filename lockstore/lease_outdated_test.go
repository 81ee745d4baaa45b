package lockstore

import "testing"

// Only the call that lets other gates have the lease says that the key is
// outdated: those whom Redis tells of it then are those who have waited.
func TestOutdatingIsSaidWithTheLeaseThatIsGivenBack(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 1)
	turn.Outdate()
	turn.Release()
	if c := b.call(); c.over != 1 || !c.outdates {
		t.Errorf("said %+v", c.turnCall)
	}
}

func TestOutdatingIsSaidWithTheNextConversation(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 1)
	next := b.request()
	turn.Outdate()
	turn.Release()
	c := b.call()
	b.says(c, 1, 2)
	if !c.outdates {
		t.Error("not said")
	}
	c.answer(b.mine(9, 0), nil)
	if !b.runs(next).Outdated() {
		t.Error("who waited in this gate does not know")
	}
}

func TestOutdatingIsNotSaidWhereNobodyElseWaited(t *testing.T) {
	b := newBench(t)
	turn, _ := b.held(7, 0)
	turn.Outdate()
	turn.Release()
	b.pass(simTiming.linger)
	if c := b.call(); c.outdates {
		t.Error("said of those who came later")
	}
}

func TestOutdatedByAnotherGate(t *testing.T) {
	b := newBench(t)
	first, c := b.queuedUp()
	b.outdated(here)
	b.outdated(Key{9}) // nobody asks for it
	later := b.request()
	c.answer(b.mine(7, 0), nil)
	turn := b.runs(first)
	if !turn.Outdated() {
		t.Error("who waited does not know")
	}
	turn.Release()
	if b.runs(later).Outdated() {
		t.Error("the key is outdated for who came later")
	}
}
