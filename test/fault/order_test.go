package fault

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
	"github.com/sessiongate/sessiongate/lockstore"
)

// TestRequestsRunInOrderOfArrivalOverAllGates has one gate with most of the
// requests: it must not serve its own before older ones of the others.
func TestRequestsRunInOrderOfArrivalOverAllGates(t *testing.T) {
	t.Parallel()
	const (
		requests = 60
		spacing  = 10 * time.Millisecond
		message  = 25 * time.Millisecond // delay of one, at the most: below it the order is not decided
	)
	server := redistest.Start(t)
	gates := openGates(t, 3, server.Address())
	began := time.Now()
	first := gates[0].take(t, shared(1))
	type served struct{ request, gate int }
	var notBefore, notAfter [requests]time.Time // of each arrival
	var mu sync.Mutex
	var order []served
	var all sync.WaitGroup
	for i := range requests {
		which := 0 // the hog
		if i%6 == 4 {
			which = 1
		} else if i%6 == 5 {
			which = 2
		}
		g := gates[which]
		before := g.Waiting()
		notBefore[i] = time.Now()
		all.Go(func() {
			turn, err := g.Acquire(context.Background(), shared(1))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, served{i, which})
			mu.Unlock()
			turn.Release()
		})
		eventually(t, "the request waits", func() bool { return g.Waiting() > before })
		notAfter[i] = time.Now()
		pass(spacing)
	}
	awaitLine(t, server.Client(t), key(1), 2)
	first.Release()
	all.Wait()
	_, paused := pauses.Since(began) // a message takes so much longer
	changes := 0
	for i, s := range order {
		if i > 0 && order[i-1].gate != s.gate {
			changes++
		}
		for _, later := range order[i+1:] {
			if lead := notBefore[s.request].Sub(notAfter[later.request]); lead > message+paused {
				t.Errorf("request %d of gate %d ran before %d of gate %d, which came %s earlier", s.request, s.gate, later.request, later.gate, lead)
			}
		}
	}
	if len(order) != requests || changes < requests/6*3-6 {
		t.Errorf("%d requests, and the gate changed %d times", len(order), changes)
	}
}

// TestWaitersDoNotUseUpConnections: releases go on however many wait.
func TestWaitersDoNotUseUpConnections(t *testing.T) {
	t.Parallel()
	const (
		sessions = 100
		waiters  = 10_000
		others   = 200
	)
	server := redistest.Start(t)
	// The crowd shares the machine with Redis. What it costs is a matter of how long
	// the slowest release takes, not of calls that time out.
	patient := func(o *lockstore.RedisOptions) { o.TTL, o.Timeout = time.Minute, 10*time.Second }
	holds := openGate(t, server.Address(), poolSize(2), patient)
	crowded := openGate(t, server.Address(), poolSize(2), patient)
	var held []*lockstore.Turn
	for n := range sessions {
		held = append(held, holds.take(t, shared(n)))
	}
	var all sync.WaitGroup
	for i := range waiters {
		all.Go(func() {
			turn, err := crowded.Acquire(context.Background(), shared(i%sessions))
			if err != nil {
				t.Error(err)
				return
			}
			turn.Release()
		})
	}
	eventually(t, "all of them wait", func() bool { return crowded.Waiting() == waiters })

	// Other sessions come and go in the crowded gate, and between the gates.
	var worst time.Duration
	for n := range others {
		turn := crowded.take(t, shared(sessions+n))
		next := holds.enqueue(t.Context(), t, shared(sessions+n))
		released := time.Now()
		turn.Release()
		o := turnOf(t, next)
		took := o.at.Sub(released)
		worst = max(worst, took-pausesOf(took))
		o.turn.Release()
	}
	wantWithin(t, "the slowest release", worst, 0)
	if n := crowded.Waiting(); n != waiters {
		t.Errorf("%d of %d still wait", n, waiters)
	}
	for _, turn := range held {
		turn.Release()
	}
	all.Wait()
	if n := crowded.failures.count() + holds.failures.count(); n != 0 {
		t.Errorf("%d calls failed", n)
	}
}
