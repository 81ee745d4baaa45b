package admission

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is a queue that is too simple to be wrong, and too slow to be used: it
// looks at everybody each time.
type model struct {
	max, perClient int
	places         []*Place // in order of arrival
	slots          map[string]int
	clients        [3][]string      // whose turn is next in each class, without those at their bound
	sessions       map[flowKey][]id // whose turn is next of a client in a class
	passed         [3]int
}

type id = [16]byte

func newModel(places, perClient int) *model {
	return &model{max: places, perClient: perClient, slots: map[string]int{}, sessions: map[flowKey][]id{}}
}

func (m *model) flow(client string, rank int) (found []*Place) {
	for _, p := range m.places {
		if p.Client == client && p.Priority.rank() == rank {
			found = append(found, p)
		}
	}
	return found
}

func (m *model) atBound(client string) bool {
	return m.perClient > 0 && client != "" && m.slots[client] >= m.perClient
}

// settle brings the orders of turns up to date: who has no place, or may not go,
// is taken off, and who is new comes last.
func (m *model) settle() {
	for rank := range m.clients {
		may := func(c string) bool { return len(m.flow(c, rank)) > 0 && !m.atBound(c) }
		m.clients[rank] = slices.DeleteFunc(m.clients[rank], func(c string) bool { return !may(c) })
		for _, p := range m.places {
			if p.Priority.rank() == rank && may(p.Client) && !slices.Contains(m.clients[rank], p.Client) {
				m.clients[rank] = append(m.clients[rank], p.Client)
			}
		}
		if !slices.ContainsFunc(m.places, func(p *Place) bool { return p.Priority.rank() == rank }) {
			m.passed[rank] = 0
		}
	}
	for key := range m.sessions {
		m.sessions[key] = slices.DeleteFunc(m.sessions[key], func(s id) bool {
			return !slices.ContainsFunc(m.places, func(p *Place) bool { return flowOf(p) == key && p.Session == s })
		})
	}
	for _, p := range m.places {
		if key := flowOf(p); !slices.Contains(m.sessions[key], p.Session) {
			m.sessions[key] = append(m.sessions[key], p.Session)
		}
	}
}

type flowKey struct {
	client   string
	priority Priority
}

func flowOf(p *Place) flowKey { return flowKey{p.Client, p.Priority} }

func (m *model) push(p *Place) (out *Place) {
	if m.max > 0 && len(m.places) >= m.max {
		if out = m.yields(p); out == p {
			return p
		}
		m.remove(out)
	}
	m.places = append(m.places, p)
	m.settle()
	return out
}

// yields tells who gives way by trying each client. Of several that have the most
// places it cannot tell which; any will do.
func (m *model) yields(p *Place) *Place {
	for rank := 2; rank >= p.Priority.rank(); rank-- {
		var most []*Place
		for _, other := range m.places {
			if flow := m.flow(other.Client, rank); len(flow) > len(most) {
				most = flow
			}
		}
		if len(most) == 0 {
			continue
		}
		if rank == p.Priority.rank() && len(m.flow(p.Client, rank))+1 >= len(most) {
			return p
		}
		return most[len(most)-1]
	}
	return p
}

func (m *model) remove(p *Place) bool {
	at := slices.Index(m.places, p)
	if at < 0 {
		return false
	}
	m.places = slices.Delete(m.places, at, at+1)
	m.settle()
	return true
}

func (m *model) next() *Place {
	chosen := -1
	for _, rank := range []int{2, 1, 0} {
		if len(m.clients[rank]) == 0 {
			continue
		}
		chosen = rank
		if rank == 2 && m.passed[2] >= 20 || rank == 1 && m.passed[1] >= 4 {
			break
		}
	}
	if chosen < 0 {
		return nil
	}
	for rank := range m.passed {
		if m.passed[rank]++; rank == chosen || len(m.clients[rank]) == 0 {
			m.passed[rank]--
		}
	}
	m.passed[chosen] = 0
	client := m.clients[chosen][0]
	flow := m.flow(client, chosen)
	key := flowOf(flow[0])
	session := m.sessions[key][0]
	p := flow[slices.IndexFunc(flow, func(p *Place) bool { return p.Session == session })]
	m.clients[chosen] = m.clients[chosen][1:]
	m.sessions[key] = append(m.sessions[key][1:], session)
	if client != "" {
		m.slots[client]++
	}
	others := m.clients[chosen]
	m.remove(p)
	if len(m.flow(client, chosen)) > 0 && !m.atBound(client) { // comes last, behind nobody new
		m.clients[chosen] = append(slices.DeleteFunc(slices.Clone(others), m.atBound), client)
	}
	return p
}

func (m *model) exit(client string) {
	m.slots[client]--
	m.settle()
}

func (m *model) bound(places, perClient int) {
	m.max, m.perClient = places, perClient
	byName := slices.SortedFunc(slices.Values(m.places), func(a, b *Place) int { return strings.Compare(a.Client, b.Client) })
	for _, p := range byName {
		if turns := &m.clients[p.Priority.rank()]; !m.atBound(p.Client) && !slices.Contains(*turns, p.Client) {
			*turns = append(*turns, p.Client)
		}
	}
	m.settle()
}

// pair plays the same to queue and model and compares what comes out.
type pair struct {
	t     *testing.T
	queue *Queue
	model *model
	story []step
	n     byte
}

// step is what was done, and who came out or was meant.
type step struct {
	what string
	who  *Place
}

func (s step) String() string { return s.what + " " + said(s.who) }

func newPair(t *testing.T, places, perClient int) *pair {
	return &pair{t: t, queue: New(places, perClient), model: newModel(places, perClient)}
}

func (p *pair) same(what string, got, want *Place) {
	p.t.Helper()
	p.story = append(p.story, step{what, got})
	if got != want {
		p.t.Fatalf("%v, want %s", p.story, said(want))
	}
}

func said(p *Place) string {
	if p == nil {
		return "nobody"
	}
	return fmt.Sprintf("%s/%d/%s #%v", p.Client, p.Session[0], p.Priority, p.Value)
}

func (p *pair) push(client string, session byte, priority Priority) {
	p.n++
	one := &Place{Client: client, Session: id{session}, Priority: priority, Value: p.n}
	refused := p.queue.Refuses(client, priority)
	out := p.queue.Push(one)
	want := out
	if choice := p.model.yields(one); out != nil && choice != one && out != one && flowOf(out) != flowOf(choice) {
		// Another client with as many places: that the model has to follow.
		if len(p.model.flow(out.Client, out.Priority.rank())) != len(p.model.flow(choice.Client, choice.Priority.rank())) || out.Priority != choice.Priority {
			want = choice
		}
		p.model.remove(out)
		p.model.places = append(p.model.places, one)
		p.model.settle()
	} else {
		want = p.model.push(one)
	}
	p.story = append(p.story, step{"push", one})
	p.same("gives way:", out, want)
	if refused != (out == one) {
		p.t.Fatalf("%v: Refuses said %v before", p.story, refused)
	}
}

func (p *pair) next() { p.t.Helper(); p.same("next:", p.queue.Next(), p.model.next()) }

func (p *pair) exit(client string) {
	if p.model.slots[client] == 0 {
		return
	}
	p.story = append(p.story, step{what: "exit " + client})
	p.queue.Exit(client)
	p.model.exit(client)
}

func (p *pair) enter(client string) {
	want := !p.model.atBound(client)
	if got := p.queue.Enter(client, 0); got != want {
		p.t.Fatalf("%v: enter %s %v, want %v", p.story, client, got, want)
	}
	if want && client != "" {
		p.model.slots[client]++
		p.model.settle()
	}
	p.story = append(p.story, step{what: "enter " + client})
}

func (p *pair) bound(places, perClient int) {
	p.story = append(p.story, step{what: fmt.Sprintf("at most %d places, %d slots a client", places, perClient)})
	p.queue.Bound(places, perClient)
	p.model.bound(places, perClient)
}

// leave takes out the place that is at that position in order of arrival.
func (p *pair) leave(at int) {
	if at >= len(p.model.places) {
		return
	}
	one := p.model.places[at]
	p.story = append(p.story, step{"leave", one})
	if !p.queue.Remove(one) || p.queue.Remove(one) {
		p.t.Fatalf("%v: not removed once", p.story)
	}
	p.model.remove(one)
}

func (p *pair) check() {
	p.t.Helper()
	for _, priority := range Priorities() {
		want := 0
		for _, one := range p.model.places {
			if one.Priority == priority {
				want++
			}
		}
		if got := p.queue.Waiting(priority); got != want {
			p.t.Fatalf("%v: %d wait with priority %s, want %d", p.story, got, priority, want)
		}
	}
}

// end empties both, and expects that nothing is remembered.
func (p *pair) end() {
	for client, n := range p.model.slots {
		for range n {
			p.exit(client)
		}
	}
	for len(p.model.places) > 0 {
		one := p.queue.Next()
		p.same("next:", one, p.model.next())
		p.exit(one.Client)
	}
	q := p.queue
	if q.Len() != 0 || len(q.waiting) != 0 || len(q.lines) != 0 || len(q.slots) != 0 || q.Next() != nil || q.Shed() != nil {
		p.t.Fatalf("%v: left behind: %+v", p.story, q)
	}
	for rank := range q.classes {
		if c := &q.classes[rank]; !c.ring.empty() || c.longest != 0 {
			p.t.Fatalf("%v: left behind in class %d", p.story, rank)
		}
	}
}

// Every story of five steps, with few clients, sessions and places.
func TestEveryShortStoryGoesAsInTheModel(t *testing.T) {
	steps := []func(*pair){
		func(p *pair) { p.push("a", 1, Normal) },
		func(p *pair) { p.push("a", 2, Normal) },
		func(p *pair) { p.push("a", 1, Low) },
		func(p *pair) { p.push("b", 1, Normal) },
		func(p *pair) { p.push("b", 1, High) },
		func(p *pair) { p.next() },
		func(p *pair) { p.exit("a") },
		func(p *pair) { p.leave(0) },
		func(p *pair) { p.bound(2, 2-p.model.perClient) },
	}
	const length = 5
	for _, bounds := range [][2]int{{3, 1}, {0, 0}} {
		if bounds == [2]int{} {
			steps = steps[:len(steps)-1] // they stay without one
		}
		stories := 1
		for range length {
			stories *= len(steps)
		}
		for story := range stories {
			p := newPair(t, bounds[0], bounds[1])
			for range length {
				steps[story%len(steps)](p)
				story /= len(steps)
			}
			p.check()
			p.end()
		}
	}
}

func TestRandomStoriesGoAsInTheModel(t *testing.T) {
	clients := []string{"a", "b", "c", "d", ""}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := newPair(t, []int{0, 1, 5, 20}[r.IntN(4)], r.IntN(4))
		p.story = append(p.story, step{what: fmt.Sprintf("seed %d, at most %d places, %d slots a client", seed, p.queue.max, p.queue.perClient)})
		for range 300 {
			client := clients[r.IntN(1+r.IntN(len(clients)))] // some more than others
			switch r.IntN(11) {
			case 10:
				p.bound([]int{0, 1, 5, 20}[r.IntN(4)], r.IntN(4))
			case 0, 1, 2, 3:
				p.push(client, byte(r.IntN(3)), Priority(r.IntN(3)))
			case 4, 5:
				p.next()
			case 6:
				p.enter(client)
			case 7, 8:
				p.exit(client)
			case 9:
				p.leave(r.IntN(10))
			}
			p.check()
		}
		p.end()
	}
}
