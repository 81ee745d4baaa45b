package fault

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/lockstore"
)

// watcher sees every turn begin and end, and says at the end of the test which
// of them should not have been.
//
// Two turns of a session overlap, or a fence falls, only where one of the two
// is lost, even if that shows only at its end; is the gate's own while Redis is
// away; or has a lease that predates an upset, which Redis has forgotten.
// Turns of one gate never overlap.
type watcher struct {
	ttl time.Duration

	mu       sync.Mutex
	sessions map[lockstore.Key]*history
	clashes  []clash
	upsets   []*upset
	turns    int
	lost     int
	local    int
}

// history is what has been seen of one session.
type history struct {
	running map[*run]bool
	newest  *run // has the greatest fence
}

// run is one turn.
type run struct {
	gate *gate
	turn *lockstore.Turn
	lost bool
}

// clash is a pair of turns that need an excuse.
type clash struct {
	what         string
	older, newer *run
	at           time.Time
}

// upset is a time in which Redis forgets leases.
type upset struct {
	from, to time.Time
}

// watch makes a watcher of gates whose leases last for ttl.
func watch(t *testing.T, ttl time.Duration) *watcher {
	w := &watcher{ttl: ttl, sessions: make(map[lockstore.Key]*history)}
	t.Cleanup(func() { w.report(t) })
	return w
}

// begin is called when a turn has come.
func (w *watcher) begin(g *gate, k lockstore.Key, turn *lockstore.Turn) *run {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.sessions[k]
	if h == nil {
		h = &history{running: make(map[*run]bool)}
		w.sessions[k] = h
	}
	r := &run{gate: g, turn: turn}
	now := time.Now()
	for other := range h.running {
		w.clashes = append(w.clashes, clash{"overlap", other, r, now})
	}
	if h.newest != nil && turn.Fence() <= h.newest.turn.Fence() {
		w.clashes = append(w.clashes, clash{"fence does not rise", h.newest, r, now})
	} else {
		h.newest = r
	}
	h.running[r] = true
	w.turns++
	if turn.Local() {
		w.local++
	}
	return r
}

// end gives the turn back. That it is over is noted before somebody else can
// get it, and what it ended with after.
func (w *watcher) end(k lockstore.Key, r *run) {
	w.mu.Lock()
	delete(w.sessions[k].running, r)
	w.mu.Unlock()
	r.turn.Release()
	lost := errors.Is(context.Cause(r.turn.Context()), lockstore.ErrLost)
	w.mu.Lock()
	defer w.mu.Unlock()
	r.lost = lost
	if lost {
		w.lost++
	}
}

// upset has Redis forget leases; f returns when it does so no more.
func (w *watcher) upset(f func()) {
	u := &upset{from: time.Now()}
	w.mu.Lock()
	w.upsets = append(w.upsets, u)
	w.mu.Unlock()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	u.to = time.Now()
}

func (w *watcher) count() (turns int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.turns
}

// goesOn waits until so many more turns were given.
func (w *watcher) goesOn(t *testing.T, more int) {
	t.Helper()
	before := w.count()
	eventually(t, "turns are given", func() bool { return w.count() >= before+more })
}

// report judges the clashes, when all turns are over.
func (w *watcher) report(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var upsets, local int
	for _, c := range w.clashes {
		switch {
		case c.older.gate == c.newer.gate:
			t.Errorf("%s within a gate: fence %d, then %d", c.what, c.older.turn.Fence(), c.newer.turn.Fence())
		case c.older.lost || c.newer.lost:
		case c.older.turn.Local() || c.newer.turn.Local():
			local++
		case w.predates(c):
			upsets++
		default:
			t.Errorf("%s between gates: fence %d, then %d at %d", c.what, c.older.turn.Fence(), c.newer.turn.Fence(), micros(c.at))
		}
	}
	t.Logf("%d turns, %d lost, %d local; %d clashes of %d with local ones, %d with ones that an upset has had forgotten",
		w.turns, w.lost, w.local, len(w.clashes), local, upsets)
}

// predates says that one of the two had its lease before an upset, which it
// cannot keep for longer than a ttl. Tokens are of Redis's clock, which is this
// machine's.
func (w *watcher) predates(c clash) bool {
	least := min(c.older.turn.Fence(), c.newer.turn.Fence())
	for _, u := range w.upsets {
		if !c.at.Before(u.from) && c.at.Before(u.to.Add(w.ttl)) && least < micros(u.to) {
			return true
		}
	}
	return false
}
