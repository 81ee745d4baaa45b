package lockstore

// counts is a look at the gate from outside.
type counts struct {
	waiting, sessions int
	away              bool
}

func (s *leases) count() counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := counts{waiting: s.crowd.waiting, sessions: len(s.bySession) - s.leaving, away: s.anyAway()}
	for _, l := range s.lingering {
		if s.bySession[l.key] == l && l.lingers() {
			c.sessions--
		}
	}
	return c
}
