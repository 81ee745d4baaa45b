package lockstore

// leave gives the lease back, or the place in the queue: nobody is left. The
// session is forgotten when that is answered: only then is it known whose the
// lease was.
func (l *lease) leave() {
	l.end()
	if l.over == 0 || l.server.breaker.open {
		l.forget()
		return
	}
	if !l.leaving {
		l.leaving = true
		l.of.leaving++
	}
	l.send(l.call())
}

// left: the call that said that the conversations have ended is answered, or
// will not be.
func (l *lease) left(c turnCall, err error) {
	if c.over != l.over || c.serial == 0 {
		return
	}
	if err == nil {
		l.over = 0
	}
	if l.leaving {
		l.forget()
	}
}

// stay: somebody has come before the session was forgotten.
func (l *lease) stay() {
	if l.leaving {
		l.leaving = false
		l.of.leaving--
	}
}

func (l *lease) forget() {
	l.stay()
	delete(l.of.bySession, l.key)
}

// linger keeps the lease for a moment: often the session's next request is near.
func (l *lease) linger() {
	l.disarm()
	if !l.lingering {
		l.lingering = true
		l.of.linger(l)
	}
}

// lingers says that the lease is held for nobody.
func (l *lease) lingers() bool { return l.lingering && l.line.idle() && l.state == holding }
