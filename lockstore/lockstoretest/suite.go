package lockstoretest

import (
	"context"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

// Store is what the suite needs of a store.
type Store interface {
	Check(lockstore.Request) error
	Acquire(context.Context, lockstore.Request) (*lockstore.Turn, error)
	// Waiting is the number of tickets that wait now.
	Waiting() int
}

// Open makes an empty store with the given limits for one test.
type Open func(testing.TB, lockstore.Limits) Store

// patience bounds every wait of the suite; a store that needs longer hangs.
const patience = 20 * time.Second

// Run holds a store to the suite, a subtest a property.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"a free session is granted at once", grantsFree},
		{"sessions do not wait for each other", keepsSessionsApart},
		{"one turn at a time", excludes},
		{"the line is served in order of arrival", servesInOrder},
		{"a request that leaves is skipped at once", skipsLeavers},
		{"a request whose context has ended takes nothing", refusesEnded},
		{"a wait is bounded in time", timesOut},
		{"a busy session is refused where asked", rejectsBusy},
		{"the line of a session is bounded", boundsSession},
		{"the tickets of a client are bounded", boundsClient},
		{"the tickets in total are bounded", boundsTotal},
		{"refusals take nothing", refusalsTakeNothing},
		{"a barrier waits for earlier turns and holds nobody up", barrier},
		{"mode none touches no line", none},
		{"fences rise with every turn", fencesRise},
		{"release may be called again", releaseIsIdempotent},
		{"a key is outdated for those who wait for it, and for nobody later", outdates},
		{"the turn's context ends with the turn", contextEnds},
		{"turns and leavers at random", randomWalk},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

// outcome is what one Acquire returned.
type outcome struct {
	turn *lockstore.Turn
	err  error
}

// fixture is a store under test with its helpers.
type fixture struct {
	*testing.T
	Store
}

func start(t *testing.T, open Open, l lockstore.Limits) fixture {
	t.Helper()
	return fixture{t, open(t, l)}
}

// acquire expects the turn at once, or the test fails.
func (f fixture) acquire(r lockstore.Request) *lockstore.Turn {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	turn, err := f.Acquire(ctx, r)
	if err != nil {
		f.Fatalf("Acquire(%v): %v, want a turn", r.Key, err)
	}
	return turn
}

// enqueue starts an Acquire that has to wait and returns once its ticket is in
// the line.
func (f fixture) enqueue(ctx context.Context, r lockstore.Request) <-chan outcome {
	f.Helper()
	before := f.Waiting()
	done := make(chan outcome, 1)
	go func() {
		turn, err := f.Acquire(ctx, r)
		done <- outcome{turn, err}
	}()
	f.waitFor("the ticket to be in the line", func() bool { return f.Waiting() == before+1 })
	return done
}

// turnOf expects that a waiting Acquire now returns a turn.
func (f fixture) turnOf(done <-chan outcome) *lockstore.Turn {
	f.Helper()
	o := f.result(done)
	if o.err != nil {
		f.Fatalf("a waiting Acquire returned %v, want a turn", o.err)
	}
	return o.turn
}

func (f fixture) result(done <-chan outcome) outcome {
	f.Helper()
	select {
	case o := <-done:
		return o
	case <-time.After(patience):
		f.Fatal("a waiting Acquire did not return")
		return outcome{}
	}
}

func (f fixture) stillWaits(done <-chan outcome) {
	f.Helper()
	select {
	case o := <-done:
		f.Fatalf("Acquire returned %+v while the turn was taken", o)
	default:
	}
}

func (f fixture) waitFor(what string, holds func() bool) {
	f.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			f.Fatalf("waited in vain for %s", what)
		}
	}
}

// key makes the nth key.
func key(n byte) lockstore.Key { return lockstore.Key{0: n, 15: 1} }

func exclusive(n byte) lockstore.Request { return lockstore.Request{Key: key(n), Client: "a"} }
