package lockstore

import (
	"fmt"
	"testing"
)

func TestInboxHearsThatASessionIsOutdated(t *testing.T) {
	b := newBench(t)
	first, c := b.queuedUp()
	(&inbox{leases: b.leases}).hear(fmt.Sprintf("outdated %x", here[:]))
	c.answer(b.mine(7, 0), nil)
	if !b.runs(first).Outdated() {
		t.Error("who waited does not know")
	}
}

// Anybody who may publish can send a gate a message: none may end it.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		"ping", "want", "want 00000000000000000000000000000001 7", "want 000000000000000000000000000000000001 1", "want zz 1", "outdated 00000000000000000000000000000001", "outdated zz",
		"grant 00000000000000000000000000000001 1 2 3 4 0", "grant 00000000000000000000000000000001 1 2 3 4", "want 01 99999999999999999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		b := newBench(t)
		in := &inbox{leases: b.leases}
		in.hear(payload)
	})
}
