package proxy

import "sync/atomic"

// users counts who uses something that is there for as long as anybody does.
type users struct {
	n     atomic.Int64
	ended func() // called when nobody is left; nil: nobody asks
}

// begin counts the first one, who has to leave as well.
func (u *users) begin(ended func()) {
	if u.n.Add(1) == 1 {
		u.ended = ended
	}
}

// enter counts one more; false: the last has left.
func (u *users) enter() bool {
	for {
		n := u.n.Load()
		if n == 0 {
			return false
		}
		if u.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (u *users) leave() {
	if u.n.Add(-1) == 0 && u.ended != nil {
		u.ended()
	}
}
