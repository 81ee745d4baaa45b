package lockstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// crew is goroutines with one owner, who waits for them: within a context, and
// so that it can be said what those do that have not ended. The zero value is
// one of nobody.
type crew struct {
	mu     sync.Mutex
	at     map[string]int // how many there are, by what they do
	sealed bool
	rest   chan struct{} // closed when the last has left; nil: nobody waits
}

// run has f run in a goroutine of the crew. Behind seal it is dropped.
func (c *crew) run(what string, f func()) {
	if !c.enter(what) {
		return
	}
	go func() {
		defer c.leave(what)
		f()
	}()
}

// enter counts the caller in until leave; false: the crew is sealed.
func (c *crew) enter(what string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed {
		return false
	}
	if c.at == nil {
		c.at = make(map[string]int)
	}
	c.at[what]++
	return true
}

func (c *crew) leave(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[what]--
	if c.at[what] == 0 {
		delete(c.at, what)
	}
	if len(c.at) == 0 && c.rest != nil {
		close(c.rest)
		c.rest = nil
	}
}

// seal lets nobody in any more.
func (c *crew) seal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = true
}

// wait returns when nobody is left; when ctx ends before, the error says who is.
func (c *crew) wait(ctx context.Context) error {
	c.mu.Lock()
	if len(c.at) == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.rest == nil {
		c.rest = make(chan struct{})
	}
	rest := c.rest
	c.mu.Unlock()
	select {
	case <-rest:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("still at work: %s: %w", c, context.Cause(ctx))
	}
}

// String lists what is being done.
func (c *crew) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Sorted(maps.Keys(c.at))
	for i, what := range list {
		if n := c.at[what]; n > 1 {
			list[i] = fmt.Sprintf("%s (%d)", what, n)
		}
	}
	return strings.Join(list, ", ")
}
