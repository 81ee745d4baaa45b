package admission

// Enter counts a slot that a client takes without a place in the queue; false:
// it has as many as it may have, and so many more for what others wait for.
func (q *Queue) Enter(client string, more int) bool {
	if q.perClient > 0 && q.slots[client] >= q.perClient+more { // none are counted for ""
		return false
	}
	q.Count(client)
	return true
}

// Count counts a slot that a client takes, whatever it has.
func (q *Queue) Count(client string) {
	if client == "" {
		return
	}
	q.slots[client]++
	if c := q.waiting[client]; c != nil {
		q.ringOrNot(c)
	}
}

// Exit counts a slot that a client has given back.
func (q *Queue) Exit(client string) {
	if client == "" {
		return
	}
	if q.slots[client]--; q.slots[client] == 0 {
		delete(q.slots, client)
	}
	if c := q.waiting[client]; c != nil {
		q.ringOrNot(c)
	}
}

// AtBound says whether a client has as many slots as one client may have.
func (q *Queue) AtBound(client string) bool {
	return q.perClient > 0 && q.slots[client] >= q.perClient // none are counted for ""
}

// ringOrNot leaves a client out that may not have another slot, and has one that
// may take its turns.
func (q *Queue) ringOrNot(c *client) {
	out := q.AtBound(c.name)
	for rank := range c.flows {
		if f := &c.flows[rank]; out {
			f.inRing.leave()
		} else {
			q.enring(f)
		}
	}
}

// enring has a flow's turn come last, where it may have one and is not in the
// ring already.
func (q *Queue) enring(f *flow) {
	if f.places > 0 && f.inRing.in == nil && !q.AtBound(f.client.name) {
		f.class.ring.push(&f.inRing)
	}
}
