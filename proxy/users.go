package proxy

import "sync/atomic"

// users counts who goes by a setup: the gate while it is in use, and each request
// that began meanwhile, to its end.
type users struct {
	n     atomic.Int64
	ended func() // called when nobody is left; nil: nobody asks
}

// enter counts one more; false: the last has left, and there is another setup.
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
