package lockstore

import (
	"errors"
	"sync/atomic"
)

// way is the transport that a store has from its beginning: to nowhere, until
// it is known of what kind the servers are, and then over the wire.
type way struct {
	settled atomic.Pointer[wire]
	crew    *crew // of the store: its Close waits for the answers, and drops calls behind it
}

// errUnsettled: calls fail as those to a server that is away do.
var errUnsettled = errors.New("lockstore: no Redis server has said yet of what kind it is")

// wire is nil as long as there is none.
func (w *way) wire() *wire { return w.settled.Load() }

func (w *way) turn(c turnCall, done func(turnReply, error)) {
	if to := w.wire(); to != nil {
		to.turn(c, done)
		return
	}
	w.crew.run("answering", func() { done(turnReply{}, errUnsettled) })
}

func (w *way) renew(c renewCall, done func(renewReply, error)) {
	if to := w.wire(); to != nil {
		to.renew(c, done)
		return
	}
	w.crew.run("answering", func() { done(renewReply{}, errUnsettled) })
}

func (w *way) node(k Key) string {
	if to := w.wire(); to != nil {
		return to.node(k)
	}
	return ""
}
