package lockstore

import "time"

// state is where a lease stands in the gate.
type state uint8

const (
	idle      state = iota // nobody asks for it
	asking                 // a conversation has begun, Redis has not given the lease yet
	holding                // Redis has given it, until deadline
	lost                   // it ended while a turn ran; the line stays shut until that turn is over
	alone                  // Redis is away: the gate gives turns by itself
	claiming               // Redis is back: a turn given by the gate itself runs, its lease is asked for
	abandoned              // the turn's end will not be seen; its lease is left behind, until deadline
)

// local says that turns are given on the gate's own word.
func (s state) local() bool { return s == alone || s == claiming }

// lease is the gate's side of the locking of one session: its line, and the
// state in which the gate may or may not give the next turn of it. Every
// transition is a method of it, here or in lease_leave.go; docs/locking.md has them as a table.
//
// A conversation is the period in which the gate asks for and holds the lease.
// Calls overtake each other, so each carries its conversation's number, and a
// new one begins only when the last is over. 0 is none.
type lease struct {
	line
	of     *leases
	key    Key
	server *server // that had the key when it was asked last

	state        state
	conversation uint64
	over         uint64 // the conversation before, until Redis has answered a call that told it so
	fence        uint64 // the last one given out
	token        uint64 // of the lease
	deadline     time.Time
	heldUntil    time.Time // of the lease that over had; told Redis once
	renewal      time.Time // when the next one is due; zero: one is under way
	contended    bool      // another gate waits; stays so for the conversation
	lingering    bool      // is in the list of those that linger
	outdates     bool      // the turn that ends has outdated the key: the other gates are told
	leaving      bool      // is kept only until its last call is answered
	last         uint64    // serial of the last call; 0: another was made besides
	failures     int       // calls since the last one that was answered
	waits        bool      // Redis has put the gate into the queue in this conversation
	alarms       uint64    // tells the alarm that is set from earlier ones
	stopAlarm    func() bool
}

// advance gives the turn to whoever is next, as far as the lease allows, and
// otherwise sees to it that it soon does.
func (l *lease) advance() {
	for l.running == nil {
		switch {
		case l.waiting == 0 && l.state == holding && !l.contended && !l.due(l.deadline):
			l.linger()
			return
		case l.waiting == 0:
			l.leave()
			return
		case l.state == asking:
			return
		case l.state == holding && l.due(l.deadline):
			l.askAgain()
		case l.state == alone && !l.server.breaker.open:
			l.askAgain()
		case l.state == holding || l.state.local():
			l.begin()
			if l.state == holding && l.contended && l.running == nil && l.waiting > 0 {
				l.askAgain() // a barrier has passed: that was this gate's turn
			}
		case l.server.breaker.open:
			l.fallBack()
		default:
			l.ask()
		}
	}
}

// begin gives the turn to the head of the line.
func (l *lease) begin() {
	if l.state.local() {
		l.fence = max(l.fence+1, uint64(l.of.clock.now().UnixMicro()))
	} else {
		l.fence = max(l.fence+1, l.token)
	}
	var end func(Ending) error
	if l.first.request.Mode == Exclusive {
		end = func(e Ending) error { return l.of.finish(l, e) }
	}
	l.of.crowd.begin(&l.line, NewTurn(TurnOptions{Fence: l.fence, Local: l.state.local(), End: end}))
	if l.state == holding && l.stopAlarm == nil {
		l.arm()
	}
}

// ask begins a conversation.
func (l *lease) ask() {
	l.of.conversation++
	l.conversation = l.of.conversation
	l.state, l.contended, l.waits = asking, false, false
	l.poll()
}

// end closes the conversation; Redis hears of it with the next call.
func (l *lease) end() {
	l.disarm()
	l.heldUntil = time.Time{}
	if l.state == holding {
		l.heldUntil = l.deadline.Add(l.of.timing.margin)
		l.fence = max(l.fence, l.token) // also where no turn began with it
	}
	l.over = max(l.over, l.conversation)
	l.conversation = 0
	l.contended, l.waits = false, false
	l.state = idle
}

// askAgain ends the conversation and begins another where somebody waits: with
// the same call, in which the gates that have waited longer go first.
func (l *lease) askAgain() {
	l.end()
	switch {
	case l.waiting == 0:
	case l.server.breaker.open:
		l.fallBack()
	default:
		l.ask()
	}
}

// taken is the line, where somebody is in it.
func (l *lease) taken() *line {
	if l == nil || l.line.idle() {
		return nil
	}
	return &l.line
}

// hold: Redis has given the lease.
func (l *lease) hold(token uint64, deadline time.Time, others int, renewIn time.Duration) {
	l.state = holding
	l.over = 0
	l.token = token
	l.deadline = deadline
	l.contended = l.contended || others > 0
	l.renewal = l.of.clock.now().Add(renewIn)
	l.disarm() // there is nothing to poll for any more
	l.arm()
	l.advance()
}

// answered: Redis has answered a call of this conversation, or has not.
func (l *lease) answered(c turnCall, r turnReply, err error) {
	if err != nil {
		l.unanswered()
		return
	}
	l.over, l.failures = 0, 0
	l.contended = l.contended || r.mine() && r.waiting > 0
	switch {
	case l.state == holding && r.mine() && r.token > l.token:
		l.lose() // the lease of the turn that runs ended before that call
	case l.state == holding && r.mine() && r.token == l.token: // an earlier call, late
		l.extend(c.sent)
	case l.state == abandoned && r.mine(): // it was claimed
		l.token = r.token
		l.leaveBehind()
	case l.state != asking && l.state != claiming:
	case r.mine():
		l.given(c, r)
	case l.state == asking:
		l.queue(r.rest)
	default: // another gate has given turns, too
		l.of.cancel(l.key, l.conversation)
		l.conversation = 0
		l.lose()
	}
}

// given: an answer says that the lease is the gate's.
func (l *lease) given(c turnCall, r turnReply) {
	deadline := c.sent.Add(l.of.timing.ttl - l.of.timing.margin)
	if l.due(deadline) {
		l.poll() // the answer took too long
		return
	}
	l.takeOver(r.ranOut)
	l.hold(r.token, deadline, r.waiting, l.of.timing.ttl/3)
}

// takeOver tells of a turn that began because another gate's lease ran out.
func (l *lease) takeOver(ranOut bool) {
	if ranOut && l.of.events.TakenOver != nil {
		l.of.tell(func() { l.of.events.TakenOver(l.key) })
	}
}

// queue: the lease is another gate's; the next call is due when it may end.
func (l *lease) queue(rest time.Duration) {
	if !l.waits && l.first.request.RejectBusy {
		l.waits = true // the lease may only linger: then it comes by message
		l.wake(l.of.timing.retry)
		return
	}
	l.waits = true
	first := l.first
	if first.request.RejectBusy { // no other can be: it would not have been let in
		l.of.crowd.fail(&l.line, first, ErrBusy)
	}
	switch {
	case l.waiting == 0:
		l.leave()
	case l.first != first:
		l.poll() // the next one must not inherit the place
	default:
		l.wake(min(rest+time.Millisecond, l.of.jitter(l.of.timing.poll)))
	}
}

// unanswered: whether Redis has run the call is not known; it is asked again.
func (l *lease) unanswered() {
	switch {
	case l.state != asking && l.state != claiming:
	case l.server.breaker.open:
		l.fallBack()
		l.advance()
	default:
		l.wake(l.of.jitter(min(l.of.timing.retry<<min(l.failures, 8), l.of.timing.poll)))
		l.failures++
	}
}

// granted: a message says that the lease was taken for this conversation.
func (l *lease) granted(g grant) {
	l.contended = l.contended || g.waiting > 0
	l.takeOver(g.ranOut)
	if l.state != asking {
		return // an answer has said so before
	}
	now := l.of.clock.now()
	latest, known := l.server.bound.latest(l.of.start, now)
	// Never longer than it can be: Redis's clock may have been set ahead since.
	rest := min(time.Duration(g.expiry-latest)*time.Microsecond, l.of.timing.confirm) - l.of.timing.margin
	if !known || rest <= 0 {
		l.poll()
		return
	}
	l.hold(g.token, now.Add(rest), g.waiting, l.of.timing.confirm/5)
}

// wanted: another gate waits, and Redis takes this one for the holder.
func (l *lease) wanted() {
	l.contended = true
	switch {
	case l.state == asking:
		l.poll() // the answer that said so was lost
	case l.lingers():
		l.leave()
	}
}

// renewed: Redis has answered a renewal of this conversation, or has not.
func (l *lease) renewed(c renewCall, r renewReply, err error) {
	now := l.of.clock.now()
	switch {
	case l.state == abandoned && err == nil:
	case l.state == abandoned:
		l.wake(l.of.timing.retry)
	case err != nil:
		l.renewal = now.Add(max(l.deadline.Sub(now)/8, l.of.timing.retry))
		l.arm()
	case r.outcome == renewLost, r.outcome == restored && l.due(l.deadline): // others may have run before Redis forgot
		l.lose()
	default:
		l.contended = l.contended || r.waiting > 0
		l.extend(c.sent)
	}
}

// extend: Redis knew of the lease after sent.
func (l *lease) extend(sent time.Time) {
	if deadline := sent.Add(l.of.timing.ttl - l.of.timing.margin); deadline.After(l.deadline) {
		l.deadline = deadline
	}
	l.renewal = l.of.clock.now().Add(l.of.timing.ttl / 3)
	l.arm()
}

// lose: the lease has ended under a turn. Nobody else of this gate runs before
// that turn is over.
func (l *lease) lose() {
	if l.running == nil {
		l.leave()
		return
	}
	l.disarm()
	l.state = lost
	turn := l.running
	l.of.tell(turn.Lose)
}

// finish: the running turn is over, or will be within e.Rest, unseen.
func (l *lease) finish(e Ending) (cause error) {
	cause = ErrReleased
	if l.state == lost || l.state == holding && l.due(l.deadline) {
		cause = ErrLost
	}
	if e.Rest > 0 {
		l.abandon(e.Rest)
		return cause
	}
	l.running = nil
	if e.Outdates {
		l.outdate()
		l.outdates = true // in the call that lets others have the lease, if there is one
	}
	switch {
	case l.state == claiming && l.waiting > 0:
		l.state = asking
		l.poll() // the call that is under way speaks for another request
	case l.state == lost, l.state == holding && l.contended && l.waiting > 0:
		l.askAgain()
	}
	l.advance()
	l.outdates = false
	return cause
}

// abandon keeps the other gates away for rest and the line shut for good.
func (l *lease) abandon(rest time.Duration) {
	l.disarm()
	held, claimed := l.state == holding && !l.due(l.deadline), l.state == claiming
	l.state = abandoned
	if held || claimed {
		l.deadline = l.of.clock.now().Add(rest)
	}
	if held {
		l.leaveBehind()
	}
}

// leaveBehind has Redis keep the lease of an abandoned turn until its deadline.
// It is told until it has answered, as long as there is a gate to tell it.
func (l *lease) leaveBehind() {
	if rest := l.deadline.Sub(l.of.clock.now()); rest > 0 && !l.server.breaker.open {
		l.renew(rest)
	}
}

// fallBack: Redis is away. Requests that may not run without it are sent away,
// the others get their turns from the gate. A lease that is held goes on until
// its deadline.
func (l *lease) fallBack() {
	if l.state != idle && l.state != asking && l.state != claiming {
		return
	}
	l.end()
	l.over = 0 // Redis ends it by itself
	l.state = alone
	for t := l.first; t != nil; {
		next := t.next
		if t.request.NoFallback {
			l.of.crowd.fail(&l.line, t, ErrAway)
		}
		t = next
	}
}

// recover: Redis is back.
func (l *lease) recover() {
	switch l.state {
	case holding:
		if l.running != nil {
			l.renew(l.of.timing.ttl)
			l.arm()
		}
	case alone:
		l.ask()
		l.state = claiming
	case abandoned:
		l.leaveBehind()
	case idle, asking, lost, claiming:
	}
}
