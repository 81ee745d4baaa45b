package lockstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// scriptBench is the scripts on a Redis in this process, whose clock the test
// sets, called as gates call them.
type scriptBench struct {
	t      *testing.T
	redis  *miniredis.Miniredis
	client *redis.Client
	clock  time.Time
	gates  map[string]*wire
	inbox  map[string]*redis.PubSub
}

func newScriptBench(t *testing.T) *scriptBench {
	b := &scriptBench{t: t, redis: miniredis.RunT(t), clock: epoch, gates: make(map[string]*wire), inbox: make(map[string]*redis.PubSub)}
	b.client = redis.NewClient(&redis.Options{Addr: b.redis.Addr()})
	t.Cleanup(func() { b.client.Close() })
	b.redis.SetTime(b.clock)
	return b
}

// pass lets time pass in Redis.
func (b *scriptBench) pass(d time.Duration) {
	b.clock = b.clock.Add(d)
	b.redis.SetTime(b.clock)
	if d > 0 {
		b.redis.FastForward(d)
	}
}

func (b *scriptBench) gate(name string) *wire { return b.gateOf(name, false) }

func (b *scriptBench) gateOf(name string, cluster bool) *wire {
	if w := b.gates[name]; w != nil {
		return w
	}
	w := testWire(b.t, b.redis.Addr(), name)
	if cluster { // as far as the scripts know
		w.constant[len(w.constant)-1] = moreOf(simTiming, 0, w.options.Prefix)
	}
	b.gates[name] = w
	return w
}

// hears has a gate listen, so that grants to it are heard.
func (b *scriptBench) hears(names ...string) {
	b.t.Helper()
	for _, name := range names {
		p := b.client.Subscribe(b.t.Context(), b.gate(name).channel())
		b.t.Cleanup(func() { p.Close() })
		if _, err := p.Receive(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		b.inbox[name] = p
	}
}

func (b *scriptBench) message(name string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Second)
	defer cancel()
	m, err := b.inbox[name].ReceiveMessage(ctx)
	if err != nil {
		b.t.Fatalf("no message for %s: %v", name, err)
	}
	return m.Payload
}

func (b *scriptBench) call(name string, c turnCall) turnReply {
	b.t.Helper()
	r, err := turnOn(b.gate(name), c)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// ask and release are the two plain calls.
func (b *scriptBench) ask(name string, conversation uint64, age time.Duration) turnReply {
	b.t.Helper()
	return b.call(name, turnCall{key: here, ask: conversation, arrival: -age.Microseconds()})
}

func (b *scriptBench) release(name string, over uint64) {
	b.t.Helper()
	b.call(name, turnCall{key: here, over: over})
}

func (b *scriptBench) renew(name string, conversation, token uint64, ttl time.Duration) renewReply {
	b.t.Helper()
	r, err := renewOn(b.gate(name), renewCall{key: here, conversation: conversation, token: token, spent: token, ttl: ttl})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *scriptBench) is(r turnReply, want turnOutcome) turnReply {
	b.t.Helper()
	if r.outcome != want {
		b.t.Fatalf("outcome %d, want %d: %+v; Redis knows %q", r.outcome, want, r, b.state())
	}
	return r
}

func (b *scriptBench) state() string {
	text := ""
	for _, key := range b.redis.Keys() {
		value, _ := b.redis.Get(key)
		text += fmt.Sprintf("%s=%s ", key, value)
	}
	return text
}

// testWire is a gate's way to Redis, under a name that the test knows.
func testWire(t testing.TB, addr, name string) *wire {
	o := RedisOptions{Addresses: []string{addr}, Prefix: "test:", Timeout: 5 * time.Second}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	w := newWire(o, simTiming, false)
	w.gate = name
	w.turnScript = scriptUnderTest(t, "turn.lua", w.turnScript)
	w.renewScript = scriptUnderTest(t, "renew.lua", w.renewScript)
	t.Cleanup(func() { _ = w.close(context.WithoutCancel(t.Context())) })
	return w
}

// scriptUnderTest is the script of that name in the folder LOCKSTORE_SCRIPTS, if
// there is one: package mutants tests the tests with it.
func scriptUnderTest(t testing.TB, name string, own script) script {
	source, err := os.ReadFile(filepath.Join(os.Getenv("LOCKSTORE_SCRIPTS"), name))
	switch {
	case os.Getenv("LOCKSTORE_SCRIPTS") == "" || errors.Is(err, fs.ErrNotExist):
		return own
	case err != nil:
		t.Fatal(err)
	}
	return newScript(string(source))
}

func moreOf(t timing, heard int, prefix string) string {
	return fmt.Sprint(t.confirm.Microseconds(), t.alive().Microseconds(), heard) + " " + prefix + "gate:"
}

type answered[T any] struct {
	reply T
	err   error
}

func turnOn(w *wire, c turnCall) (turnReply, error) {
	done := make(chan answered[turnReply], 1)
	c.sent = time.Now()
	w.turn(c, func(r turnReply, err error) { done <- answered[turnReply]{r, err} })
	a := <-done
	return a.reply, a.err
}

func renewOn(w *wire, c renewCall) (renewReply, error) {
	done := make(chan answered[renewReply], 1)
	c.sent = time.Now()
	w.renew(c, func(r renewReply, err error) { done <- answered[renewReply]{r, err} })
	a := <-done
	return a.reply, a.err
}
