package fault

import (
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// TestRedisForgetsUnderLoad takes from Redis what it knows, again and again.
// Nobody hangs, and only who had a lease before may overlap.
func TestRedisForgetsUnderLoad(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*testing.T, *redistest.Server){
		"FLUSHALL": func(t *testing.T, s *redistest.Server) {
			if err := s.Client(t).FlushAll(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		},
		"SCRIPT FLUSH": func(t *testing.T, s *redistest.Server) {
			if err := s.Client(t).ScriptFlush(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		},
		"restart": func(_ *testing.T, s *redistest.Server) { s.Restart() },
		"crash": func(_ *testing.T, s *redistest.Server) {
			s.Kill()
			s.Restart()
		},
		"halt": func(_ *testing.T, s *redistest.Server) {
			s.Stop()
			pass(400 * time.Millisecond) // calls time out, nobody is away yet
			s.Continue()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const leaseTTL = 1500 * time.Millisecond
			server := redistest.Start(t)
			gates := openGates(t, 3, server.Address(), ttl(leaseTTL))
			c := &crowd{gates: gates, sessions: 3, request: shared, longest: 5 * time.Millisecond, seen: watch(t, leaseTTL)}
			c.start(t, 12)
			for range 3 {
				c.seen.goesOn(t, 50)
				if name == "SCRIPT FLUSH" || name == "halt" { // nothing that is known is forgotten
					forget(t, server)
					continue
				}
				c.seen.upset(func() { forget(t, server) })
			}
			c.seen.goesOn(t, 50)
			c.end()
			admin := server.Client(t)
			for n := range c.sessions {
				awaitFree(t, admin, key(n))
			}
			wantExpiries(t, admin)
		})
	}
}

// TestShortTurnsThatAFlushLetOverlapAreCounted: both are over before a renewal
// could have found out.
func TestShortTurnsThatAFlushLetOverlapAreCounted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	gates := openGates(t, 2, server.Address())
	older := gates[0].take(t, shared(1))
	if err := server.Client(t).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	newer := gates[1].take(t, shared(1))
	older.Release()
	eventually(t, "the older lease counts as lost", func() bool { return gates[0].overlaps.Load() == 1 })
	newer.Release()
	awaitFree(t, server.Client(t), key(1))
	if n := gates[0].overlaps.Load() + gates[1].overlaps.Load(); n != 1 {
		t.Errorf("%d overlaps are counted, want 1", n)
	}
}

// TestLeaseThatRedisForgotIsRestored: the turn that runs is as safe as before.
func TestLeaseThatRedisForgotIsRestored(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*testing.T, *redistest.Server){
		"FLUSHALL": func(t *testing.T, s *redistest.Server) {
			if err := s.Client(t).FlushAll(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		},
		"restart": func(_ *testing.T, s *redistest.Server) { s.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			c := server.Client(t)
			gates := openGates(t, 2, server.Address(), ttl(1500*time.Millisecond))
			turn := gates[0].take(t, shared(1))
			forget(t, server)
			eventually(t, "the lease is restored", func() bool { return read(t, c, key(1)).owner != "" })
			next := gates[1].enqueue(t.Context(), t, shared(1))
			awaitLine(t, c, key(1), 1)
			if err := turn.Context().Err(); err != nil || len(next) > 0 {
				t.Errorf("the turn has ended (%v), or another gate has one", err)
			}
			released := time.Now()
			turn.Release()
			o := turnOf(t, next)
			wantWithin(t, "the next turn", o.at.Sub(released), poll)
			if o.turn.Fence() <= turn.Fence() {
				t.Errorf("fence %d after %d", o.turn.Fence(), turn.Fence())
			}
			o.turn.Release()
		})
	}
}

// TestWhoComesFirstAfterAFlushHasTheSession: the other one is told.
func TestWhoComesFirstAfterAFlushHasTheSession(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	gates := openGates(t, 2, server.Address(), ttl(1500*time.Millisecond))
	before := gates[0].take(t, shared(1))
	if err := server.Client(t).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	after := gates[1].take(t, shared(1))
	wantLost(t, before)
	if err := after.Context().Err(); err != nil {
		t.Errorf("the newer turn has ended: %v", err)
	}
	if after.Fence() <= before.Fence() {
		t.Errorf("fence %d after %d", after.Fence(), before.Fence())
	}
	before.Release()
	after.Release()
}

// TestWaitersOfAFlushedLineAreServed: nobody is forgotten for longer than a poll.
func TestWaitersOfAFlushedLineAreServed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := server.Client(t)
	gates := openGates(t, 3, server.Address())
	turn := gates[0].take(t, shared(1))
	var waiting []<-chan outcome
	for i, g := range gates[1:] {
		waiting = append(waiting, g.enqueue(t.Context(), t, shared(1)))
		awaitLine(t, c, key(1), i+1)
	}
	if err := c.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	flushed := time.Now()
	turn.Release()
	first, second := waiting[0], waiting[1]
	var o outcome
	select { // they ask again at moments of their own
	case o = <-first:
		first = second
	case o = <-second:
	}
	if o.err != nil {
		t.Fatal(o.err)
	}
	wantWithin(t, "the turn", o.at.Sub(flushed), poll)
	o.turn.Release()
	o = turnOf(t, first)
	wantWithin(t, "the turn", o.at.Sub(flushed), 2*poll)
	o.turn.Release()
}
