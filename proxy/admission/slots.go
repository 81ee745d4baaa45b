package admission

// Enter counts a slot that a client takes without a place in the queue; false:
// it has as many as it may have, and so many more for what others wait for.
func (q *Queue) Enter(client string, more int) bool {
	if q.slots != nil && q.slots[client] >= q.perClient+more { // none are counted for ""
		return false
	}
	q.Count(client)
	return true
}

// Count counts a slot that a client takes, whatever it has.
func (q *Queue) Count(client string) {
	if q.slots == nil || client == "" {
		return
	}
	q.slots[client]++
	if c := q.waiting[client]; c != nil && q.AtBound(client) {
		for rank := range c.flows {
			c.flows[rank].inRing.leave()
		}
	}
}

// Exit counts a slot that a client has given back.
func (q *Queue) Exit(client string) {
	if q.slots == nil || client == "" {
		return
	}
	if q.slots[client]--; q.slots[client] == 0 {
		delete(q.slots, client)
	}
	if c := q.waiting[client]; c != nil {
		for rank := range c.flows {
			q.enring(&c.flows[rank])
		}
	}
}

// AtBound says whether a client has as many slots as one client may have.
func (q *Queue) AtBound(client string) bool {
	return q.slots != nil && q.slots[client] >= q.perClient // none are counted for ""
}

// enring has a flow's turn come last, where it may have one and is not in the
// ring already.
func (q *Queue) enring(f *flow) {
	if f.places > 0 && f.inRing.in == nil && !q.AtBound(f.client.name) {
		f.class.ring.push(&f.inRing)
	}
}
