package fault

import (
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// pair is a gate that holds a session and one that waits for it.
type pair struct {
	holds, waits *gate
	server       *redistest.Server
}

func startPair(t *testing.T) pair {
	t.Helper()
	server := redistest.Start(t)
	gates := openGates(t, 2, server.Address())
	return pair{holds: gates[0], waits: gates[1], server: server}
}

// TestWakeUpThatIsLostCostsAPoll has the message that the turn has come get
// lost, in the ways in which messages do.
func TestWakeUpThatIsLostCostsAPoll(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, pair){
		"subscriptions are killed": func(t *testing.T, p pair) {
			killSubscriptions(t, p)
		},
		"nobody is subscribed": func(t *testing.T, p pair) {
			p.waits.way.Refuse() // what is open goes on
			killSubscriptions(t, p)
			eventually(t, "the subscription is gone", func() bool { return len(inboxes(t, p.server.Client(t))) <= 1 })
		},
		"another hears it": func(t *testing.T, p pair) {
			// Redis then counts a receiver: the gate has the lease and does not know it.
			c := p.server.Client(t)
			both := inboxes(t, c)
			p.waits.way.Refuse()
			killSubscriptions(t, p)
			impostor := c.Subscribe(t.Context(), both...)
			t.Cleanup(func() { impostor.Close() })
			for range both {
				if _, err := impostor.Receive(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPair(t)
			turn := p.holds.take(t, shared(1))
			next := p.waits.enqueue(t.Context(), t, shared(1))
			awaitLine(t, p.server.Client(t), key(1), 1)
			lose(t, p)
			released := time.Now()
			turn.Release()
			got := turnOf(t, next)
			wantWithin(t, "the turn", got.at.Sub(released), poll)
			if turn.Fence() >= got.turn.Fence() {
				t.Errorf("fence %d after %d", got.turn.Fence(), turn.Fence())
			}
			if err := p.waits.way.Accept(); err != nil {
				t.Fatal(err)
			}
			got.turn.Release()
			awaitFree(t, p.server.Client(t), key(1))
		})
	}
}

func killSubscriptions(t *testing.T, p pair) {
	t.Helper()
	if n, err := p.server.Client(t).ClientKillByFilter(t.Context(), "TYPE", "pubsub").Result(); err != nil || n < 2 {
		t.Fatalf("%d connections killed, %v", n, err)
	}
}
