package lockstoretest

import (
	"context"
	"testing"

	"github.com/sessiongate/sessiongate/lockstore"
)

// outdates has a turn end that outdates its key, with others behind it, of whom
// two leave: the last one that was there and one in the middle.
func outdates(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	first := f.acquire(exclusive(1))
	if first.Outdated() {
		t.Error("the first turn is outdated")
	}
	second := f.enqueue(t.Context(), exclusive(1))
	middle, leaveMiddle := context.WithCancel(t.Context())
	gone := f.enqueue(middle, exclusive(1))
	reader := exclusive(1)
	reader.Mode = lockstore.Barrier
	passing := f.enqueue(t.Context(), reader)
	last, leaveLast := context.WithCancel(t.Context())
	goneToo := f.enqueue(last, exclusive(1))
	first.Outdate()
	if first.Outdated() {
		t.Error("a turn outdates itself")
	}
	first.Release()
	turn := f.turnOf(second)
	later := f.enqueue(t.Context(), exclusive(1))
	leaveMiddle()
	f.result(gone)
	leaveLast()
	f.result(goneToo)
	if !turn.Outdated() {
		t.Error("who waited does not know that the key is outdated")
	}
	turn.Release()
	if !f.turnOf(passing).Outdated() {
		t.Error("a barrier that waited does not know that the key is outdated")
	}
	turn = f.turnOf(later)
	if turn.Outdated() {
		t.Error("the key is outdated for who came later")
	}
	turn.Release()
	again := f.acquire(exclusive(1))
	if again.Outdated() {
		t.Error("the key stays outdated")
	}
	again.Release()
}
