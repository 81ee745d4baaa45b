package admission

import (
	"maps"
	"slices"
)

// Queue is the requests that wait for a slot of one upstream, and how many slots
// each client has. Make it with New. It is for one goroutine at a time.
type Queue struct {
	max       int
	perClient int

	classes [3]class // by rank
	places  int
	waiting map[string]*client
	lines   map[lineKey]*line
	slots   map[string]int // of each client, also without a bound: there may be one later
}

// New makes a queue of at most so many places, whose clients have at most so many
// slots each. 0 is no limit.
func New(places, slotsPerClient int) *Queue {
	return &Queue{max: places, perClient: slotsPerClient, waiting: map[string]*client{}, lines: map[lineKey]*line{}, slots: map[string]int{}}
}

// Bound sets the bounds of New anew. Nobody gives way for that, and no slot has to
// be given back: what is above them falls as it ends. A client that may have
// another slot by it comes last; of several the first by name before the others.
func (q *Queue) Bound(places, slotsPerClient int) {
	q.max, q.perClient = places, slotsPerClient
	for _, name := range slices.Sorted(maps.Keys(q.waiting)) {
		q.ringOrNot(q.waiting[name])
	}
}

// Push takes a place in. It returns who has to give way for it: nil is nobody,
// and p itself where it was not taken in.
func (q *Queue) Push(p *Place) (out *Place) {
	if q.Full() {
		if out = q.yields(p.Client, p.Priority); out == nil {
			return p
		}
		q.remove(out)
	}
	q.add(p)
	return out
}

// Full says whether somebody has to give way for the next place.
func (q *Queue) Full() bool { return q.max > 0 && q.places >= q.max }

// Refuses says whether a place would not be taken in now.
func (q *Queue) Refuses(client string, priority Priority) bool {
	return q.Full() && q.yields(client, priority) == nil
}

// yields finds who gives way in a full queue for a place of a client; nil: that
// one itself. Nobody gives way where the client would then have as many places as
// the other has now: the two would only change roles.
func (q *Queue) yields(client string, priority Priority) *Place {
	own := priority.rank()
	for rank := len(q.classes) - 1; rank >= own; rank-- {
		c := &q.classes[rank]
		if c.places == 0 {
			continue
		}
		if rank == own && q.placesOf(client, rank)+1 >= c.longest {
			return nil
		}
		return c.newest()
	}
	return nil
}

// newest is the newest place of the flow with the most.
func (c *class) newest() *Place { return c.lengths[c.longest].first.of.arrivals.last.of }

func (q *Queue) placesOf(client string, rank int) int {
	if c := q.waiting[client]; c != nil {
		return c.flows[rank].places
	}
	return 0
}

// Remove takes a place out; false: it was not in the queue.
func (q *Queue) Remove(p *Place) bool {
	if p.line == nil {
		return false
	}
	q.remove(p)
	return true
}

// Next takes out who goes next, and counts a slot as its client's; nil: nobody
// may go.
func (q *Queue) Next() *Place {
	c := q.choose()
	if c == nil {
		return nil
	}
	q.passOver(c)
	f := c.ring.first.of
	l := f.sessions.first.of
	p := l.places.first.of
	q.remove(p)
	if !l.places.empty() { // the next session's turn
		l.inFlow.leave()
		f.sessions.push(&l.inFlow)
	}
	f.inRing.leave() // the next client's turn
	q.Count(p.Client)
	q.enring(f)
	return p
}

// Shed takes out who gives way first, for a queue that nobody serves any more;
// nil: it is empty.
func (q *Queue) Shed() *Place {
	for rank := len(q.classes) - 1; rank >= 0; rank-- {
		if c := &q.classes[rank]; c.places > 0 {
			p := c.newest()
			q.remove(p)
			return p
		}
	}
	return nil
}

// Waiting is how many places of one priority there are.
func (q *Queue) Waiting(p Priority) int { return q.classes[p.rank()].places }

// Places is how many places a client has.
func (q *Queue) Places(client string) int {
	if c := q.waiting[client]; c != nil {
		return c.places
	}
	return 0
}

// Len is how many places there are in all.
func (q *Queue) Len() int { return q.places }
