package gatetest

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what must come. A busy machine needs far
// less.
const Patience = 30 * time.Second

// Eventually waits for a condition; explain says what was there instead.
func Eventually(tb testing.TB, condition func() bool, explain func() string) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(Patience)
	defer limit.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-limit.C:
			tb.Fatalf("waited in vain: %s", explain())
		}
	}
}
