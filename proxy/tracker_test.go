package proxy

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// Who waits is told when nothing is under way, whatever has come and gone before.
func TestATrackerTellsAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr tracker
		wait := func() chan error {
			ended := make(chan error, 1)
			go func() { ended <- tr.wait(t.Context()) }()
			synctest.Wait()
			return ended
		}
		for range 2 {
			if err := <-wait(); err != nil {
				t.Errorf("with nothing under way: %v", err)
			}
			tr.add()
			first := wait()
			tr.add()
			second := wait()
			tr.done()
			synctest.Wait()
			if len(first)+len(second) != 0 || tr.count() != 1 {
				t.Fatalf("%d are told while %d are under way", len(first)+len(second), tr.count())
			}
			tr.done()
			if err := errors.Join(<-first, <-second); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWhoWaitsForATrackerNeedNotWaitForEver(t *testing.T) {
	var tr tracker
	tr.add()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errClosed)
	if err := tr.wait(ctx); !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
	tr.done()
}
