package lockstore

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// bench is one gate on a clock that stands still, whose calls the test answers
// by hand: when it likes, in any order, or not at all.
type bench struct {
	*leases
	t      *testing.T
	time   time.Time
	ahead  time.Duration  // of Redis's clock
	nodes  map[Key]string // the servers of keys, where there are several
	alarms []*benchAlarm
	sent   []any // *sentTurn and *sentRenewal that the test has not looked at
}

type benchAlarm struct {
	at time.Time
	f  func()
}

type sentTurn struct {
	turnCall
	answer func(turnReply, error)
}

type sentRenewal struct {
	renewCall
	answer func(renewReply, error)
}

var (
	here  = Key{0: 1}
	there = Key{0: 2}

	// epoch is when simulated time begins, for Redis and for the gates.
	epoch        = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	simTiming    = defaultTiming(10*time.Second, 250*time.Millisecond)
	errSimulated = errors.New("simulated failure")
)

func newBench(t *testing.T) *bench {
	b := &bench{t: t, time: epoch, ahead: time.Hour}
	b.leases = newLeases(Limits{}, simTiming, clock{
		now: func() time.Time { return b.time },
		afterFunc: func(d time.Duration, f func()) func() bool {
			a := &benchAlarm{at: b.time.Add(d), f: f}
			b.alarms = append(b.alarms, a)
			return func() bool {
				b.alarms = slices.DeleteFunc(b.alarms, func(other *benchAlarm) bool { return other == a })
				return true
			}
		},
	}, Events{})
	b.jitter = func(d time.Duration) time.Duration { return d }
	b.transport = b
	return b
}

func (b *bench) turn(c turnCall, done func(turnReply, error)) {
	b.sent = append(b.sent, &sentTurn{c, done})
}

func (b *bench) renew(c renewCall, done func(renewReply, error)) {
	b.sent = append(b.sent, &sentRenewal{c, done})
}

func (b *bench) node(k Key) string { return b.nodes[k] }

// jump moves the clock; alarms that are due do not go off, as in a process that
// was stopped.
func (b *bench) jump(d time.Duration) { b.time = b.time.Add(d) }

// pass lets time pass, with all alarms.
func (b *bench) pass(d time.Duration) {
	end := b.time.Add(d)
	for {
		var next *benchAlarm
		for _, a := range b.alarms {
			if !a.at.After(end) && (next == nil || a.at.Before(next.at)) {
				next = a
			}
		}
		if next == nil {
			b.time = end
			return
		}
		b.alarms = slices.DeleteFunc(b.alarms, func(a *benchAlarm) bool { return a == next })
		if next.at.After(b.time) {
			b.time = next.at
		}
		next.f()
	}
}

// redisNow is Redis's time.
func (b *bench) redisNow() int64 { return b.time.Add(b.ahead).UnixMicro() }

func (b *bench) enters(r Request) *ticket {
	b.t.Helper()
	t, err := b.enter(r)
	if err != nil {
		b.t.Fatalf("enter: %v", err)
	}
	return t
}

// age is for how long the request has waited for which a call asks.
func (b *bench) age(c *sentTurn) time.Duration {
	if c.arrival > 0 {
		return time.Duration(b.redisNow()-c.arrival) * time.Microsecond
	}
	return time.Duration(-c.arrival) * time.Microsecond
}

func (b *bench) request() *ticket { b.t.Helper(); return b.enters(Request{Key: here}) }

// call expects that the gate has sent a turnCall, and it alone.
func (b *bench) call() *sentTurn {
	b.t.Helper()
	c, ok := b.next().(*sentTurn)
	if !ok {
		b.t.Fatalf("the gate renews a lease, and should ask or release")
	}
	return c
}

func (b *bench) renewal() *sentRenewal {
	b.t.Helper()
	c, ok := b.next().(*sentRenewal)
	if !ok {
		b.t.Fatalf("the gate asks or releases, and should renew a lease")
	}
	return c
}

func (b *bench) next() any {
	b.t.Helper()
	if len(b.sent) != 1 {
		b.t.Fatalf("%d calls are sent, want one: %+v", len(b.sent), b.sent)
	}
	c := b.sent[0]
	b.sent = nil
	return c
}

func (b *bench) silent() {
	b.t.Helper()
	if len(b.sent) > 0 {
		b.t.Fatalf("%d calls are sent, want none: %+v", len(b.sent), b.sent[0])
	}
}

// says expects what a call says: the conversation that is over, and the one that
// goes on.
func (b *bench) says(c *sentTurn, over, ask uint64) {
	b.t.Helper()
	if c.over != over || c.ask != ask {
		b.t.Fatalf("the call says over %d, ask %d, want over %d, ask %d", c.over, c.ask, over, ask)
	}
}

func (b *bench) runs(t *ticket) *Turn {
	b.t.Helper()
	if t.turn == nil || t.turn.Cause() != nil {
		b.t.Fatalf("the turn does not run: %v, %v", t.turn, t.err)
	}
	return t.turn
}

func (b *bench) waits(t *ticket) {
	b.t.Helper()
	if t.settled() {
		b.t.Fatalf("the request does not wait any more: %+v, %v", t.turn, t.err)
	}
}

func (b *bench) lost(turn *Turn) {
	b.t.Helper()
	if cause := turn.Cause(); !errors.Is(cause, ErrLost) {
		b.t.Fatalf("the turn's context ends with %v, want ErrLost", cause)
	}
}

// mine, asBefore and queue are Redis's answers.
func (b *bench) mine(token uint64, others int) turnReply {
	return turnReply{outcome: taken, token: token, waiting: others, now: b.redisNow()}
}

func (b *bench) asBefore(token uint64, others int) turnReply {
	return turnReply{outcome: kept, token: token, waiting: others, now: b.redisNow()}
}

func (b *bench) queue(rest time.Duration) turnReply {
	return turnReply{outcome: queued, rest: rest, now: b.redisNow()}
}

func (b *bench) grant(conversation, token uint64, rest time.Duration, others int) {
	b.granted(grant{key: here, conversation: conversation, token: token, expiry: b.redisNow() + rest.Microseconds(), waiting: others})
}

// held is a request whose turn runs, by an answer with the given token.
func (b *bench) held(token uint64, others int) (*Turn, *sentTurn) {
	b.t.Helper()
	t := b.request()
	c := b.call()
	c.answer(b.mine(token, others), nil)
	return b.runs(t), c
}

// queuedUp is a request that waits in Redis's queue.
func (b *bench) queuedUp() (*ticket, *sentTurn) {
	b.t.Helper()
	t := b.request()
	c := b.call()
	c.answer(b.queue(8*time.Second), nil)
	return t, c
}

// goesAway lets calls fail until the gate takes Redis for away.
func (b *bench) goesAway() {
	b.t.Helper()
	for range breakerFailures {
		b.failed(here, b.time, errSimulated)
		b.time = b.time.Add(simTiming.timeout)
	}
	if !b.anyAway() {
		b.t.Fatal("the breaker is closed")
	}
}

func (b *bench) comesBack() { b.back(b.serverOf(here)) }
