package lockstoretest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

func grantsFree(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	if err := f.Check(exclusive(1)); err != nil {
		t.Fatalf("Check of a free session: %v", err)
	}
	f.acquire(exclusive(1)).Release()
	f.acquire(exclusive(1)).Release()
}

func keepsSessionsApart(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	one := f.acquire(exclusive(1))
	two := f.acquire(exclusive(2))
	two.Release()
	one.Release()
}

func excludes(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	const workers, rounds = 8, 25
	var running, served atomic.Int32
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range rounds {
				turn, err := f.Acquire(t.Context(), exclusive(1))
				if err != nil {
					t.Errorf("Acquire: %v", err)
					return
				}
				if n := running.Add(1); n != 1 {
					t.Errorf("%d turns of one session at once", n)
				}
				served.Add(1)
				running.Add(-1)
				turn.Release()
			}
		})
	}
	all.Wait()
	if got := served.Load(); got != workers*rounds {
		t.Fatalf("%d turns served, want %d", got, workers*rounds)
	}
}

func servesInOrder(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	turn := f.acquire(exclusive(1))
	waiting := make([]<-chan outcome, 20)
	for i := range waiting {
		waiting[i] = f.enqueue(t.Context(), exclusive(1))
	}
	for i, w := range waiting {
		for _, later := range waiting[i:] {
			f.stillWaits(later)
		}
		turn.Release()
		turn = f.turnOf(w)
	}
	turn.Release()
}

func skipsLeavers(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	gone := errors.New("the client has left")
	for _, leaver := range []int{0, 1, 2} { // first, middle, last of the line
		turn := f.acquire(exclusive(1))
		waiting := make([]<-chan outcome, 3)
		leave := make([]context.CancelCauseFunc, 3)
		for i := range waiting {
			var ctx context.Context
			ctx, leave[i] = context.WithCancelCause(t.Context())
			waiting[i] = f.enqueue(ctx, exclusive(1))
		}
		leave[leaver](gone)
		if o := f.result(waiting[leaver]); !errors.Is(o.err, gone) {
			t.Fatalf("a leaver's Acquire returned %v, want the cause of its context", o.err)
		}
		if n := f.Waiting(); n != 2 {
			t.Fatalf("%d tickets wait after one of three has left", n)
		}
		for i, w := range waiting {
			if i != leaver {
				turn.Release()
				turn = f.turnOf(w)
			}
			leave[i](nil)
		}
		turn.Release()
	}
}

func refusesEnded(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	gone := errors.New("gone before it came")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := f.Acquire(ctx, exclusive(1)); !errors.Is(err, gone) {
		t.Fatalf("Acquire: %v, want the cause of its context", err)
	}
	f.acquire(exclusive(1)).Release()
}

func timesOut(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	r := exclusive(1)
	r.Timeout = 20 * time.Millisecond
	turn := f.acquire(r)
	if _, err := f.Acquire(t.Context(), r); !errors.Is(err, lockstore.ErrTimeout) {
		t.Fatalf("Acquire of a turn that does not come: %v, want ErrTimeout", err)
	}
	if n := f.Waiting(); n != 0 {
		t.Fatalf("%d tickets wait after one timed out", n)
	}
	turn.Release()
	f.acquire(r).Release()
}

func fencesRise(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	var last uint64
	for i := range 50 {
		r := exclusive(1)
		if i%3 == 0 {
			r.Mode = lockstore.Barrier
		}
		turn := f.acquire(r)
		if turn.Fence() <= last {
			t.Fatalf("fence %d after %d", turn.Fence(), last)
		}
		last = turn.Fence()
		turn.Release()
	}
}

func releaseIsIdempotent(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	first := f.acquire(exclusive(1))
	second := f.enqueue(t.Context(), exclusive(1))
	third := f.enqueue(t.Context(), exclusive(1))
	first.Release()
	turn := f.turnOf(second)
	first.Release() // must not end the second one's turn
	f.stillWaits(third)
	turn.Release()
	f.turnOf(third).Release()
}

func contextEnds(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	turn := f.acquire(exclusive(1))
	if err := turn.Context().Err(); err != nil {
		t.Fatalf("the context of a running turn has ended: %v", err)
	}
	turn.Release()
	select {
	case <-turn.Context().Done():
	case <-time.After(patience):
		t.Fatal("the context of a released turn goes on")
	}
	if cause := context.Cause(turn.Context()); !errors.Is(cause, lockstore.ErrReleased) {
		t.Fatalf("cause %v, want ErrReleased", cause)
	}
}

// randomWalk lets requests of three sessions come, run, and leave at random,
// and looks for overlaps and for anything left behind.
func randomWalk(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var running [3]atomic.Int32
	var all sync.WaitGroup
	for w := range 12 {
		rng := rand.New(rand.NewPCG(seed, uint64(w)))
		all.Go(func() {
			for range 40 {
				f.randomRequest(rng, &running)
			}
		})
	}
	all.Wait()
	if n := f.Waiting(); n != 0 {
		t.Fatalf("%d tickets are left", n)
	}
	for n := range running {
		f.acquire(exclusive(byte(n))).Release()
	}
}

func (f fixture) randomRequest(rng *rand.Rand, running *[3]atomic.Int32) {
	r := exclusive(byte(rng.IntN(len(running))))
	r.Mode = lockstore.Mode(rng.IntN(3))
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	if rng.IntN(3) == 0 {
		ctx, cancel = context.WithTimeout(f.Context(), time.Duration(rng.IntN(500))*time.Microsecond)
	}
	defer cancel()
	turn, err := f.Acquire(ctx, r)
	if err != nil {
		if ctx.Err() == nil {
			f.Errorf("Acquire: %v", err)
		}
		return
	}
	if r.Mode == lockstore.Exclusive {
		if n := running[r.Key[0]].Add(1); n != 1 {
			f.Errorf("%d turns of one session at once", n)
		}
		running[r.Key[0]].Add(-1)
	}
	turn.Release()
}
