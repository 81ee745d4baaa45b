package balance

import (
	"container/list"

	"github.com/sessiongate/sessiongate/proxy/admission"
)

// Bounded says whether requests may have to wait for a slot.
func (p *Pool) Bounded() bool { return p.bounded.Load() }

// Refuses says whether Acquire would return ErrQueueFull at once.
func (p *Pool) Refuses(r Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Called > 0 || !p.queue.Refuses(r.Client, r.Priority) {
		return false
	}
	_, full := p.chooseLocked(r, nil)
	return full || p.queue.AtBound(r.Client)
}

// Outlook tells a client that has no slot how many requests have to end on each
// of those that it waits for, until all that wait now have had one. own says that
// it has all the slots that one client may have.
func (p *Pool) Outlook(client string) (rounds int, own bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting, slots := p.queue.Len(), 0
	for _, s := range p.servers {
		if !s.out {
			slots += s.MaxInFlight
		}
	}
	if own = p.queue.AtBound(client); own {
		waiting, slots = p.queue.Places(client), p.options.MaxInFlightPerClient
	}
	return 1 + waiting/max(slots, 1), own
}

// Queued is how many requests of a priority wait for a slot.
func (p *Pool) Queued(priority admission.Priority) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.queue.Waiting(priority)
	n += countOf(&p.moving, priority)
	for level := range p.called {
		n += countOf(&p.called[level], priority)
	}
	return n
}

func countOf(ahead *list.List, priority admission.Priority) (n int) {
	for e := ahead.Front(); e != nil; e = e.Next() {
		if e.Value.(*waiter).request.Priority == priority {
			n++
		}
	}
	return n
}
