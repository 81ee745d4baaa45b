package limiter

import (
	"errors"
	"fmt"
	"sync"
)

// Concurrency is what is said of one bound on the requests that are in flight at
// once. A change of Max or Enforce holds for those that are in flight, too.
type Concurrency struct {
	Name    string // as in Limit, which may have the same
	Key     string // as in Limit
	Max     int    // requests; at least 1
	Enforce bool   // false: refusals are told and hold nobody up
}

// ErrConcurrency says that a cap cannot be as it was said.
var ErrConcurrency = errors.New("limiter: bad concurrency cap")

func (c *Concurrency) complete() error {
	switch {
	case !validName(c.Name):
		return fmt.Errorf("%w: the name %q; %s", ErrConcurrency, c.Name, nameForm)
	case !validWord(c.Key):
		return fmt.Errorf("%w %q: the key %q; %s", ErrConcurrency, c.Name, c.Key, wordForm)
	case c.Max < 1:
		return fmt.Errorf("%w %q: max %d; it has to be at least 1", ErrConcurrency, c.Name, c.Max)
	}
	return nil
}

// Cap counts the requests in flight by key. Its memory is bounded by them: a key
// without a request is not known. It is made by New and safe for concurrent use.
type Cap struct {
	concurrency Concurrency
	counts      *counts
}

// Concurrency is what was said of it.
func (c *Cap) Concurrency() Concurrency { return c.concurrency }

// InFlight is the number of requests of a key that are in flight now.
func (c *Cap) InFlight(k Key) int { return c.counts.of(k) }

// counts is what goes on when a configuration is reloaded.
type counts struct {
	mu    sync.Mutex
	byKey map[id]int
}

func newCounts() *counts { return &counts{byKey: make(map[id]int)} }

// enter counts a request in, unless there are so many already and it is to be
// held up; over says that there are.
func (c *counts) enter(k id, most int, enforce bool) (entered, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.byKey[k]
	if over = n >= most; over && enforce {
		return false, true
	}
	c.byKey[k] = n + 1
	return true, over
}

func (c *counts) leave(k id) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[k]--; c.byKey[k] == 0 {
		delete(c.byKey, k)
	}
}

func (c *counts) of(k Key) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byKey[k.id]
}

// Place asks one cap for a place of one request; Enter fills in Full.
type Place struct {
	Cap *Cap
	Key Key
	// Shadow: this request is not held up, whatever the cap says.
	Shadow bool

	// Full: as many are in flight as may be, without this one.
	Full bool
}

func (p *Place) enforced() bool { return p.Cap.concurrency.Enforce && !p.Shadow }

// Enter takes a place of each cap, or of none: then it returns the one that is
// full and enforced. Otherwise leave is not nil, and is due when the request has
// ended; it may be called again, from any goroutine, and does nothing then.
func Enter(places []Place) (leave func(), full *Place) {
	taken := make([]Place, 0, len(places))
	for i := range places {
		p := &places[i]
		var entered bool
		entered, p.Full = p.Cap.counts.enter(p.Key.id, p.Cap.concurrency.Max, p.enforced())
		if !entered {
			leaveAll(taken)
			return nil, p
		}
		taken = append(taken, *p)
	}
	return sync.OnceFunc(func() { leaveAll(taken) }), nil
}

func leaveAll(places []Place) {
	for _, p := range places {
		p.Cap.counts.leave(p.Key.id)
	}
}
