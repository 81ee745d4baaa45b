package lockstore

import "time"

// server is what a gate knows of one Redis server.
type server struct {
	name    string // as the transport calls it
	bound   bound
	breaker breaker
	asked   Key // the key of the last call that failed
}

// serverOf is the server that has a key now.
func (s *leases) serverOf(k Key) *server {
	name := s.transport.node(k)
	known := s.servers[name]
	if known == nil {
		known = &server{name: name, breaker: breaker{patience: 2 * s.timing.timeout}}
		s.servers[name] = known
	}
	return known
}

// judge draws from a call what it says of the server that was asked.
func (s *leases) judge(node string, k Key, sent time.Time, now int64, err error) {
	known := s.servers[node]
	switch {
	case known == nil: // it has left the cluster
	case err == nil:
		known.breaker.succeeded()
		if now != 0 {
			known.bound.sample(s.start, sent, now)
		}
	default:
		known.asked = k
		if known.breaker.failed(sent, s.clock.now()) {
			s.away(known, err)
		}
	}
}

// away has the gate grant by itself what waits for a server.
func (s *leases) away(gone *server, err error) {
	gone.bound.forget(s.clock.now())
	if s.events.Away != nil {
		s.tell(func() { s.events.Away(err) })
	}
	for _, l := range s.bySession {
		if l.server == gone && (l.state == asking || l.state == claiming) {
			l.fallBack()
			l.advance()
		}
	}
}

// failed takes in that a server could not be reached, by another way than a call.
func (s *leases) failed(k Key, sent time.Time, err error) {
	s.locked(func() { s.judge(s.serverOf(k).name, k, sent, 0, err) })
}

// beginAway is how a gate starts that cannot reach Redis.
func (s *leases) beginAway(err error) {
	s.locked(func() {
		first := s.serverOf(Key{})
		first.breaker.open = true
		s.away(first, err)
	})
}

// awayServers are those that cannot be reached, each with a key to try it with.
func (s *leases) awayServers() map[*server]Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list map[*server]Key
	for _, known := range s.servers {
		if known.breaker.open {
			if list == nil {
				list = make(map[*server]Key)
			}
			list[known] = known.asked
		}
	}
	return list
}

// back: a server can be reached again. First the leases of what runs are asked
// for; their calls go out before those of new requests.
func (s *leases) back(again *server) {
	s.locked(func() {
		again.breaker.close(s.clock.now())
		if s.transport.node(again.asked) != again.name {
			delete(s.servers, again.name) // others have what it had
		}
		for k, l := range s.bySession {
			if l.server != again {
				continue
			}
			if l.server = s.serverOf(k); !l.server.breaker.open {
				l.recover()
			}
		}
		if s.events.Away != nil && !s.anyAway() {
			s.tell(func() { s.events.Away(nil) })
		}
	})
}

func (s *leases) anyAway() bool {
	for _, known := range s.servers {
		if known.breaker.open {
			return true
		}
	}
	return false
}

// sweep forgets servers that are known for nothing: a cluster whose servers
// change their addresses would leave one behind each time. What is known of a
// server has to stay while a lease is had or asked for there, for the lease's calls
// tell how it fares; while it is away, until somebody is back at its place; and as
// long as the bound on its time says something.
func (s *leases) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	needed := make(map[*server]bool, len(s.servers))
	for _, l := range s.bySession {
		needed[l.server] = true
	}
	for name, known := range s.servers {
		_, telling := known.bound.latest(s.start, s.clock.now())
		if !needed[known] && !telling && !known.breaker.open {
			delete(s.servers, name)
		}
	}
}
