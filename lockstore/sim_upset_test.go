package lockstore

import "time"

// upsetsEnd is when nothing goes wrong any more.
const upsetsEnd = 12 * time.Second

// planUpsets chooses what happens to gates and to Redis, and when.
func (w *world) planUpsets() {
	f := w.faults
	if f.none() {
		w.calmDown()
		return
	}
	var kinds []func()
	for _, k := range []struct {
		on   bool
		kind func()
	}{
		{f.crash, func() { w.anyGate().crash() }},
		{f.pause, w.pause},
		{f.flush, func() { w.upsetNow("forgets everything"); w.redis.flush() }},
		{f.cut, w.cut},
		{f.away, w.goAway},
		{f.deaf, w.deafen},
		{f.forward, func() { w.setClock(w.between(50*time.Millisecond, 12*time.Second)) }},
		{f.back, func() { w.setClock(-w.between(50*time.Millisecond, time.Minute)) }},
	} {
		if k.on {
			kinds = append(kinds, k.kind)
		}
	}
	for range f.upsets {
		at := w.between(0, upsetsEnd-time.Second)
		if f.failover && w.rng.IntN(3) == 0 {
			w.planFailover(at)
		} else if len(kinds) > 0 {
			w.at(at, nil, kinds[w.rng.IntN(len(kinds))])
		}
	}
}

func (w *world) anyGate() *simGate { return w.gates[w.rng.IntN(len(w.gates))] }

// for a while, but not beyond the time in which things go wrong.
func (w *world) while(longest time.Duration, over func()) {
	w.at(min(w.between(50*time.Millisecond, longest), upsetsEnd-w.now), nil, over)
}

func (w *world) pause() {
	g := w.anyGate()
	w.logf("%s is stopped", g.name)
	g.paused = true
	w.while(12*time.Second, g.resume)
}

func (w *world) cut() {
	g := w.anyGate()
	w.logf("%s does not reach Redis any more", g.name)
	g.cut = true
	w.while(8*time.Second, func() { g.cut = false })
}

func (w *world) goAway() {
	w.logf("REDIS is away")
	w.away = true
	w.while(8*time.Second, func() { w.away = false })
}

func (w *world) deafen() {
	g := w.anyGate()
	w.logf("%s has lost its subscription", g.name)
	g.deaf = true
	w.while(2*time.Second, g.subscribe)
}

func (g *simGate) subscribe() {
	if !g.deaf {
		return
	}
	g.deaf = false
	g.w.at(g.w.latency(), g, func() {
		g.w.logf("%s has subscribed again", g.name)
		g.leases.reconnected()
	})
}

func (w *world) setClock(by time.Duration) {
	w.step += by
	w.logf("REDIS sets its clock by %v", by)
	if by > 0 {
		w.upsetNow("has leases that end too early")
	}
}

// planFailover has Redis go on with what a replica knew.
func (w *world) planFailover(at time.Duration) {
	w.at(at, nil, func() {
		copied := w.redis.copied()
		w.while(time.Second, func() {
			w.upsetNow("fails over")
			w.redis.sessions = copied
			for _, g := range w.gates {
				g.deaf = true
				w.while(time.Second, g.subscribe)
			}
		})
	})
}

// calmDown ends all that goes wrong.
func (w *world) calmDown() {
	if w.quiet > 0 {
		return
	}
	w.quiet = max(w.now, 1)
	w.logf("nothing goes wrong from now on")
	w.away = false
	for _, g := range w.gates {
		g.cut = false
		g.resume()
		g.subscribe()
	}
}
