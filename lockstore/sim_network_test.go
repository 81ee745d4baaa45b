package lockstore

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// simCall is a call on its way: run has Redis run it and returns what tells the
// gate of the answer.
type simCall struct {
	key  Key
	text string
	run  func() (answer func())
	fail func(error)
}

// simMessage is a message on its way.
type simMessage struct {
	gate *simGate
	text string
}

func (g *simGate) node(Key) string { return "" }

func (g *simGate) args() scriptArgs { return simTiming.args(g.name, !g.w.faults.cluster) }

func (g *simGate) turn(c turnCall, done func(turnReply, error)) {
	g.calls(c)
	g.outgoing = append(g.outgoing, simCall{
		key:  c.key,
		text: fmt.Sprintf("turn(%d: over %d, spent %d, ask %d)", c.key[0], c.over, c.spent, c.ask),
		run: func() func() {
			r := g.w.redis.turn(g.args(), c)
			g.w.logf("REDIS runs %s's turn(%d: over %d, ask %d): %+v; now %s", g.name, c.key[0], c.over, c.ask, r, g.w.redis.sessions[c.key])
			return func() { done(r, nil); g.released(c, nil) }
		},
		fail: func(err error) { done(turnReply{}, err); g.released(c, err) },
	})
}

func (g *simGate) renew(c renewCall, done func(renewReply, error)) {
	g.outgoing = append(g.outgoing, simCall{
		key:  c.key,
		text: fmt.Sprintf("renew(%d: %d, token %d)", c.key[0], c.conversation, c.token),
		run: func() func() {
			r := g.w.redis.renew(g.args(), c)
			g.w.logf("REDIS runs %s's renew(%d: %d): %+v", g.name, c.key[0], c.conversation, r)
			return func() { done(r, nil) }
		},
		fail: func(err error) { done(renewReply{}, err) },
	})
}

// sendAll brings the calls that were made just now on their way. They are
// sorted: leases lie in a map, and a seed must always do the same.
func (w *world) sendAll() {
	for _, g := range w.gates {
		if len(g.outgoing) == 0 {
			continue
		}
		calls := g.outgoing
		g.outgoing = nil
		slices.SortStableFunc(calls, func(a, b simCall) int { return bytes.Compare(a.key[:], b.key[:]) })
		for _, c := range calls {
			w.send(g, c)
		}
	}
}

func (w *world) send(g *simGate, c simCall) {
	w.logf("%s: %s", g.name, c.text)
	answered := false
	answer := func(f func()) func() {
		return func() {
			if !answered {
				answered = true
				f()
			}
		}
	}
	failed := answer(func() {
		w.logf("%s: no answer to %s", g.name, c.text)
		c.fail(errSimulated)
	})
	if w.away || g.cut {
		if w.rng.IntN(2) == 0 {
			w.at(w.latency(), g, failed) // connection refused
			return
		}
		w.at(simTiming.timeout, g, failed)
		if g.cut && w.rng.IntN(5) == 0 { // it gets through, the answer does not
			w.at(w.latency(), nil, func() { w.execute(c) })
		}
		return
	}
	w.at(simTiming.timeout, g, failed)
	if w.odds(w.faults.lose) {
		return
	}
	w.at(w.latency(), nil, func() {
		if w.away {
			return
		}
		apply := w.execute(c)
		if !w.odds(w.faults.mute) && !g.cut {
			w.at(w.latency(), g, answer(apply))
		}
	})
	if w.odds(w.faults.twice) {
		w.at(w.latency(), nil, func() { w.execute(c) })
	}
}

// execute has Redis run a call, and what it published go out.
func (w *world) execute(c simCall) (answer func()) {
	w.redis.now = w.redisNow()
	answer = c.run()
	messages := w.messages
	w.messages = nil
	for _, m := range messages {
		w.deliver(m)
	}
	return answer
}

// publish is Redis's PUBLISH.
func (w *world) publish(gate, text string) int {
	g := w.named[strings.TrimPrefix(gate, "gate:")]
	if g.crashed {
		if w.rng.IntN(4) == 0 {
			return 1 // Redis has not noticed
		}
		return 0
	}
	if g.deaf {
		return 0
	}
	w.messages = append(w.messages, simMessage{gate: g, text: text})
	return 1
}

func (w *world) deliver(m simMessage) {
	if w.odds(w.faults.dropped) || m.gate.cut {
		w.logf("lost: %q to %s", m.text, m.gate.name)
		return
	}
	times := 1
	if w.odds(w.faults.repeated) {
		times = 2
	}
	for range times {
		in := w.latency()
		if w.odds(w.faults.delayed) {
			in = w.late()
		}
		w.at(in, m.gate, func() {
			w.logf("%s hears %q", m.gate.name, m.text)
			m.gate.inbox.hear(m.text)
		})
	}
}

// latency is how long a call or an answer is under way.
func (w *world) latency() time.Duration {
	switch {
	case w.odds(w.faults.slow):
		return w.between(5*time.Millisecond, 400*time.Millisecond)
	case w.odds(w.faults.late):
		return w.late()
	}
	return w.between(100*time.Microsecond, 2*time.Millisecond)
}

// late is seconds, but not beyond the time in which things go wrong.
func (w *world) late() time.Duration {
	d := w.between(200*time.Millisecond, 4*time.Second)
	if w.rng.IntN(4) == 0 {
		d *= 3
	}
	return min(d, max(upsetsEnd-w.now, time.Millisecond))
}
