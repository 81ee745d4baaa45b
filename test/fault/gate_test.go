package fault

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/gatetest"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/test/fault/faultproxy"
)

const (
	// patience is how long a test waits for what must come.
	patience = gatetest.Patience
	// slack is what a busy machine adds to a time that is held to, beside the
	// pauses in which it stands still.
	slack = 500 * time.Millisecond

	poll    = 500 * time.Millisecond // of a gate that waits
	confirm = time.Second            // of a lease that was granted by message
	prefix  = "fault:"

	// callTimeout is how long calls may take where leases last as long as they do
	// by default: a machine that stands still for a moment must not pass for a
	// Redis that is away.
	callTimeout = 600 * time.Millisecond
)

// gate is a store with a way of its own to Redis.
type gate struct {
	*lockstore.Redis
	way       *faultproxy.Proxy // nil where the gate goes straight to Redis
	takenOver atomic.Int64
	overlaps  atomic.Int64
	failures  journal
	notices   chan string
}

type option func(*lockstore.RedisOptions)

func ttl(d time.Duration) option { return func(o *lockstore.RedisOptions) { o.TTL = d } }

func poolSize(n int) option { return func(o *lockstore.RedisOptions) { o.PoolSize = n } }

// openGate starts a gate behind a proxy in front of address.
func openGate(t *testing.T, address string, options ...option) *gate {
	t.Helper()
	way := faultproxy.Start(t, address)
	g := startGate(t, append([]option{func(o *lockstore.RedisOptions) { o.Addresses = []string{way.Address()} }}, options...)...)
	g.way = way
	return g
}

func openGates(t *testing.T, n int, address string, options ...option) []*gate {
	t.Helper()
	gates := make([]*gate, n)
	for i := range gates {
		gates[i] = openGate(t, address, options...)
	}
	return gates
}

// newGate makes a gate that has not been started.
func newGate(t *testing.T, options ...option) *gate {
	t.Helper()
	g := &gate{notices: make(chan string, 10)}
	o := lockstore.RedisOptions{Prefix: prefix, Events: lockstore.Events{
		Failed:     g.failures.add,
		TakenOver:  func(lockstore.Key) { g.takenOver.Add(1) },
		Overlapped: func(lockstore.Key) { g.overlaps.Add(1) },
		Notice:     func(message string) { g.notices <- message },
	}}
	for _, set := range options {
		set(&o)
	}
	if o.TTL == 0 && o.Timeout == 0 {
		o.Timeout = callTimeout
	}
	var err error
	if g.Redis, err = lockstore.NewRedis(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.end(t) })
	return g
}

// startGate starts a gate that goes straight to Redis, and has found it.
func startGate(t *testing.T, options ...option) *gate {
	t.Helper()
	g := startBlindly(t, options...)
	eventually(t, "the gate has found Redis", func() bool { return !g.Away() })
	return g
}

// startBlindly starts a gate whose Redis may be away.
func startBlindly(t *testing.T, options ...option) *gate {
	t.Helper()
	g := newGate(t, options...)
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

// end closes a gate that must have come to rest.
func (g *gate) end(t *testing.T) {
	t.Helper()
	if t.Failed() {
		t.Logf("calls of a gate that failed:\n%s", &g.failures)
	}
	if n := g.Sessions(); n != 0 {
		t.Errorf("%d idle sessions still take memory", n)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	if err := g.Close(ctx); err != nil {
		t.Error(err)
	}
}

// key is the n-th session.
func key(n int) lockstore.Key { return lockstore.Key{0: byte(n >> 8), 1: byte(n), 15: 1} }

// shared is a request that may not run on the gate's own word.
func shared(n int) lockstore.Request {
	return lockstore.Request{Key: key(n), Timeout: patience, NoFallback: true}
}

// either is a request that may.
func either(n int) lockstore.Request {
	return lockstore.Request{Key: key(n), Timeout: patience}
}

// take waits for a turn.
func (g *gate) take(t *testing.T, r lockstore.Request) *lockstore.Turn {
	t.Helper()
	turn, err := g.Acquire(t.Context(), r)
	if err != nil {
		t.Fatalf("no turn: %v", err)
	}
	return turn
}

// outcome is what became of a request that had to wait.
type outcome struct {
	turn *lockstore.Turn
	err  error
	at   time.Time
}

// enqueue has a request wait in the gate's line.
func (g *gate) enqueue(ctx context.Context, t *testing.T, r lockstore.Request) chan outcome {
	t.Helper()
	before := g.Waiting()
	settled := make(chan outcome, 1)
	go func() {
		turn, err := g.Acquire(ctx, r)
		settled <- outcome{turn, err, time.Now()}
	}()
	eventually(t, "the request waits", func() bool { return g.Waiting() > before || len(settled) > 0 })
	return settled
}

// turnOf waits for the turn of a request that waits.
func turnOf(t *testing.T, settled <-chan outcome) outcome {
	t.Helper()
	o := settledOf(t, settled)
	if o.err != nil {
		t.Fatalf("no turn: %v", o.err)
	}
	return o
}

func settledOf(t *testing.T, settled <-chan outcome) outcome {
	t.Helper()
	select {
	case o := <-settled:
		return o
	case <-time.After(patience):
		t.Fatal("a request hangs")
		return outcome{}
	}
}

// wantWithin holds a time that has just ended to a bound of the protocol's.
func wantWithin(t *testing.T, what string, took, bound time.Duration) {
	t.Helper()
	if paused := pausesOf(took); took > bound+slack+paused {
		t.Errorf("%s took %s, want at most %s, and this process stood still for %s", what, took.Round(time.Millisecond), bound, paused)
	}
}

// wantMessage fails where a turn that has just come came later than by message.
func wantMessage(t *testing.T, took time.Duration) {
	t.Helper()
	if paused := pausesOf(took); took >= poll/2+paused {
		t.Errorf("the turn took %s, while this process stood still for %s: it was polled for", took.Round(time.Millisecond), paused)
	}
}

// pausesOf is how long this process stood still in the time that has just ended.
func pausesOf(took time.Duration) time.Duration {
	all, _ := pauses.Since(time.Now().Add(-took))
	return all.Round(time.Millisecond)
}

// wantLost waits until a turn counts as lost.
func wantLost(t *testing.T, turn *lockstore.Turn) {
	t.Helper()
	select {
	case <-turn.Context().Done():
	case <-time.After(patience):
		t.Fatal("the turn is not lost")
	}
	if cause := context.Cause(turn.Context()); !errors.Is(cause, lockstore.ErrLost) {
		t.Errorf("the turn ended with %v", cause)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	gatetest.Eventually(t, condition, func() string { return what })
}

// pass lets time go by in which nothing may go wrong.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
