package admission

// Place is a request's place in a queue. It may be used again when it has left.
type Place struct {
	Client   string   // "": not known; counted as one client, and not bounded
	Session  [16]byte // of the client; the zero value is none
	Priority Priority
	Value    any // the caller's

	line    *line        // nil: not in a queue
	inLine  node[*Place] // of its session
	arrival node[*Place] // of its flow
}

// client is one that waits. It has a flow in each class.
type client struct {
	name   string
	places int
	flows  [3]flow
}

// flow is the places of one client in one class.
type flow struct {
	client   *client
	class    *class
	sessions list[*line]  // the next one first
	arrivals list[*Place] // the oldest first
	places   int

	inRing   node[*flow] // of the class, while the client may have another slot
	inLength node[*flow]
}

// line is the places of one session in a flow, the oldest first.
type line struct {
	flow   *flow
	key    lineKey
	places list[*Place]
	inFlow node[*line]
}

type lineKey struct {
	flow    *flow
	session [16]byte
}

func (q *Queue) newClient(name string) *client {
	c := &client{name: name}
	for rank := range c.flows {
		f := &c.flows[rank]
		f.client, f.class = c, &q.classes[rank]
		f.inRing.of, f.inLength.of = f, f
	}
	return c
}

// add puts a place at the end of its line.
func (q *Queue) add(p *Place) {
	c := q.waiting[p.Client]
	if c == nil {
		c = q.newClient(p.Client)
		q.waiting[p.Client] = c
	}
	f := &c.flows[p.Priority.rank()]
	key := lineKey{flow: f, session: p.Session}
	l := q.lines[key]
	if l == nil {
		l = &line{flow: f, key: key}
		l.inFlow.of = l
		q.lines[key] = l
		f.sessions.push(&l.inFlow)
	}
	p.line, p.inLine.of, p.arrival.of = l, p, p
	l.places.push(&p.inLine)
	f.arrivals.push(&p.arrival)
	q.resize(f, 1)
	q.enring(f)
}

// remove takes a place out, and what is empty without it.
func (q *Queue) remove(p *Place) {
	l := p.line
	f := l.flow
	p.line = nil
	p.inLine.leave()
	p.arrival.leave()
	if l.places.empty() {
		l.inFlow.leave()
		delete(q.lines, l.key)
	}
	q.resize(f, -1)
	if f.places == 0 {
		f.inRing.leave()
	}
	if f.client.places == 0 {
		delete(q.waiting, f.client.name)
	}
}

// resize counts a place that came or went.
func (q *Queue) resize(f *flow, by int) {
	c := f.class
	q.places, c.places, f.client.places, f.places = q.places+by, c.places+by, f.client.places+by, f.places+by
	if c.places == 0 {
		c.passed = 0
	}
	f.inLength.leave()
	if f.places > 0 {
		for len(c.lengths) <= f.places {
			c.lengths = append(c.lengths, &list[*flow]{}) // nodes know where their list is
		}
		c.lengths[f.places].push(&f.inLength)
		c.longest = max(c.longest, f.places)
	}
	for c.longest > 0 && c.lengths[c.longest].empty() { // one step: lengths change by one
		c.longest--
	}
}
