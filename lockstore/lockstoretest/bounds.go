package lockstoretest

import (
	"context"
	"errors"
	"testing"

	"github.com/sessiongate/sessiongate/lockstore"
)

// refused expects the same refusal of Check and of Acquire.
func (f fixture) refused(r lockstore.Request, want error) {
	f.Helper()
	if err := f.Check(r); !errors.Is(err, want) {
		f.Fatalf("Check: %v, want %v", err, want)
	}
	if turn, err := f.Acquire(f.Context(), r); !errors.Is(err, want) {
		f.Fatalf("Acquire: %v, %v, want %v", turn, err, want)
	}
}

func rejectsBusy(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	r := exclusive(1)
	r.RejectBusy = true
	turn := f.acquire(r)
	f.refused(r, lockstore.ErrBusy)
	turn.Release()
	f.acquire(r).Release()
}

func boundsSession(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	r := exclusive(1)
	r.MaxWaiting = 2
	turn := f.acquire(r)
	ctx, leave := context.WithCancel(t.Context())
	second, third := f.enqueue(t.Context(), r), f.enqueue(ctx, r)
	f.refused(r, lockstore.ErrSessionFull)
	f.acquire(exclusive(2)).Release() // another session has its own bound

	leave() // frees a place
	f.result(third)
	fourth := f.enqueue(t.Context(), r)
	f.refused(r, lockstore.ErrSessionFull)
	turn.Release() // so does a turn that begins
	turn = f.turnOf(second)
	fifth := f.enqueue(t.Context(), r)
	for _, next := range []<-chan outcome{fourth, fifth} {
		turn.Release()
		turn = f.turnOf(next)
	}
	turn.Release()
}

func boundsClient(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{PerClient: 2})
	one, two := f.acquire(exclusive(1)), f.acquire(exclusive(2))
	w1, w2 := f.enqueue(t.Context(), exclusive(1)), f.enqueue(t.Context(), exclusive(2))
	f.refused(exclusive(1), lockstore.ErrClientFull)
	f.acquire(exclusive(3)).Release() // a free session needs no place

	other := exclusive(1)
	other.Client = "b"
	w3 := f.enqueue(t.Context(), other)
	other.Client = "" // counted for nobody
	w4, w5, w6 := f.enqueue(t.Context(), other), f.enqueue(t.Context(), other), f.enqueue(t.Context(), other)

	two.Release()
	f.turnOf(w2).Release()
	w7 := f.enqueue(t.Context(), exclusive(1)) // the place came back
	for _, w := range []<-chan outcome{w1, w3, w4, w5, w6, w7} {
		one.Release()
		one = f.turnOf(w)
	}
	one.Release()
}

func boundsTotal(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{Total: 1})
	one, two := f.acquire(exclusive(1)), f.acquire(exclusive(2))
	w := f.enqueue(t.Context(), exclusive(1))
	f.refused(exclusive(2), lockstore.ErrTotalFull)
	one.Release()
	f.turnOf(w).Release()
	w = f.enqueue(t.Context(), exclusive(2))
	two.Release()
	f.turnOf(w).Release()
}

func refusalsTakeNothing(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{PerClient: 1, Total: 1})
	turn := f.acquire(exclusive(1))
	w := f.enqueue(t.Context(), exclusive(1))
	for range 10 {
		f.refused(exclusive(1), lockstore.ErrClientFull)
	}
	if n := f.Waiting(); n != 1 {
		t.Fatalf("%d tickets wait, want 1", n)
	}
	turn.Release()
	f.turnOf(w).Release()
	if n := f.Waiting(); n != 0 {
		t.Fatalf("%d tickets wait, want 0", n)
	}
	f.acquire(exclusive(1)).Release()
}

func barrier(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{})
	reader := exclusive(1)
	reader.Mode = lockstore.Barrier

	first := f.acquire(exclusive(1))
	r1, r2 := f.enqueue(t.Context(), reader), f.enqueue(t.Context(), reader)
	writer := f.enqueue(t.Context(), exclusive(1))
	r3 := f.enqueue(t.Context(), reader)
	f.stillWaits(r1)

	first.Release() // both readers pass, and the writer runs beside them
	b1, b2, w := f.turnOf(r1), f.turnOf(r2), f.turnOf(writer)
	if b1.Fence() >= b2.Fence() || b2.Fence() >= w.Fence() {
		t.Fatalf("fences %d, %d, %d do not rise in order of arrival", b1.Fence(), b2.Fence(), w.Fence())
	}
	f.stillWaits(r3) // behind the writer
	b1.Release()
	b2.Release()
	f.stillWaits(r3) // a reader's release is not the writer's
	w.Release()
	f.turnOf(r3).Release()
	f.acquire(exclusive(1)).Release()
}

func none(t *testing.T, open Open) {
	f := start(t, open, lockstore.Limits{Total: 1})
	turn := f.acquire(exclusive(1))
	r := exclusive(1)
	r.Mode, r.RejectBusy = lockstore.None, true
	if err := f.Check(r); err != nil {
		t.Fatalf("Check in mode none: %v", err)
	}
	beside := f.acquire(r)
	if beside.Fence() != 0 {
		t.Fatalf("mode none has fence %d, want 0", beside.Fence())
	}
	beside.Release()
	w := f.enqueue(t.Context(), exclusive(1))
	f.stillWaits(w)
	turn.Release()
	f.turnOf(w).Release()
}
