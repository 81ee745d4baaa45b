package proxy

import (
	"errors"
	"time"
)

// errAbandoned cuts a run off that nobody has read, and no turn has depended on,
// for the upstream's abandoned_timeout.
var errAbandoned = errors.New("proxy: nobody waited for the answer any more, for abandoned_timeout")

// boundLocked has a run that is of use to nobody end after a while. Most end before
// by themselves, for PHP does; what hangs would keep slot, spool and connection for
// ever. idle says that nobody reads the answer, and that no turn depends on it:
// both stay so.
func (r *run) boundLocked(idle bool) {
	limit := r.upstream.AbandonedTimeout
	if idle && !r.over && r.bound == nil && limit > 0 {
		r.bound = time.AfterFunc(limit, r.cutOff)
	}
}

// unbound says that the upstream is done.
func (r *run) unbound() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	stopTimer(r.bound)
}

// cutOff ends the request's context. What runs at the upstream may run on; the
// gate does not wait for it any more.
func (r *run) cutOff() {
	r.mu.Lock()
	over := r.over
	r.over = true // the bound has passed: nothing else ends it
	r.mu.Unlock()
	if over {
		return
	}
	r.gate.Metrics.abandoned.WithLabelValues(r.upstream.Name).Inc()
	r.stop(errAbandoned)
}
