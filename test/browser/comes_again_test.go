//go:build browser

package browser

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// early is how much sooner than it says a browser may come: its timers and the
// recorder's clock are read at different moments.
const early = 200 * time.Millisecond

func TestThePageComesAgainLaterEachTimeAndGetsThrough(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	b := browse(t, s.front+"/enter")
	s.await(t, 2)
	s.free()
	visits := s.await(t, 3)
	for i, v := range visits[:2] {
		wait := time.Duration(v.retryAfter<<i) * time.Second // twice as long the second time
		gap := visits[i+1].at.Sub(v.at)
		if v.status != http.StatusTooManyRequests || v.retryAfter < 1 || gap < wait-early {
			t.Errorf("visit %d: %d with Retry-After %d; the next came after %v, want %v", i, v.status, v.retryAfter, gap, wait)
		}
	}
	if last := visits[2].status; last != http.StatusOK {
		t.Errorf("the line is free, and the page got %d", last)
	}
	if said := b.Said(); strings.Contains(said, "Content Security Policy") {
		t.Errorf("the page breaks its own policy:\n%s", said)
	}
}

func TestThePageComesAgainWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	browse(t, s.front+"/enter", "--blink-settings=scriptEnabled=false")
	s.await(t, 1)
	s.free()
	visits := s.await(t, 2)
	wait, gap := time.Duration(visits[0].retryAfter)*time.Second, visits[1].at.Sub(visits[0].at)
	if visits[0].status != http.StatusTooManyRequests || gap < wait-early || visits[1].status != http.StatusOK {
		t.Errorf("got %v; came again after %v, want %v", visits, gap, wait)
	}
}
