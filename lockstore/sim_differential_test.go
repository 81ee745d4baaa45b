package lockstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redistest"
)

// The simulation is worth what its model of the scripts is worth: random calls
// go to both, and answers, messages and what is kept have to be the same.
func TestScriptsDoAsTheirModel(t *testing.T) {
	t.Run("redis-server", func(t *testing.T) { compareScripts(t, redistest.Start(t).Address(), 80) })
	t.Run("miniredis", func(t *testing.T) { compareScripts(t, miniredis.RunT(t).Addr(), 10) })
}

// comparison is one Redis beside the model. Its clock goes on by itself; what
// time a call was run at is known from what it leaves.
type comparison struct {
	t      *testing.T
	rng    *rand.Rand
	redis  *redis.Client
	model  *scriptModel
	gates  []*wire
	args   scriptArgs
	inbox  *redis.PubSub
	listen map[string]bool
	told   []string // what the model has published and somebody hears
	last   []string
}

func compareScripts(t *testing.T, addr string, rounds int) {
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	var gates []*wire
	for _, name := range []string{"a", "b", "c", "d"} {
		gates = append(gates, testWire(t, addr, name))
	}
	seed := rand.Uint64()
	for round := range rounds {
		c := &comparison{t: t, rng: rand.New(rand.NewPCG(seed, uint64(round))), redis: client, gates: gates, listen: make(map[string]bool)}
		c.begin()
		for range 50 {
			c.step()
		}
		c.inbox.Close()
		if t.Failed() {
			t.Fatalf("seed %d, round %d:\n%s", seed, round, strings.Join(c.last, "\n"))
		}
	}
}

// begin chooses what stays the same in a round, and who listens.
func (c *comparison) begin() {
	if err := c.redis.FlushAll(c.t.Context()).Err(); err != nil {
		c.t.Fatal(err)
	}
	c.args = simTiming.args("", c.rng.IntN(2) == 0)
	if c.rng.IntN(4) == 0 {
		c.args.alive = 0 // nobody is alive at the next call
	}
	var channels []string
	for _, g := range c.gates {
		g.constant[2] = fmt.Sprint(c.args.confirm.Microseconds(), c.args.alive.Microseconds(), flag(c.args.heard)) + " test:gate:"
		if c.rng.IntN(3) > 0 {
			c.listen[g.gate] = true
			channels = append(channels, g.channel())
		}
	}
	c.inbox = c.redis.Subscribe(c.t.Context(), append(channels, "nobody")...)
	for range len(channels) + 1 {
		if _, err := c.inbox.Receive(c.t.Context()); err != nil {
			c.t.Fatal(err)
		}
	}
	c.model = newScriptModel()
	c.model.publish = func(gate, message string) int {
		if c.listen[gate] {
			c.told = append(c.told, message)
		}
		return flag(c.listen[gate])
	}
}

// step makes one call. Conversations are drawn from a few, so that calls come
// late, twice, and in any order; leases last for long, or for a moment.
func (c *comparison) step() {
	g := c.gates[c.rng.IntN(len(c.gates))]
	a := c.args
	a.gate = g.gate
	if c.rng.IntN(6) == 0 {
		a.ttl = time.Microsecond
	}
	g.constant[0] = a.ttl.Microseconds()
	before := c.model.copied()
	if c.rng.IntN(5) == 0 {
		c.renew(g, a)
	} else {
		c.turn(g, a, before)
	}
	c.compare(g)
}

func (c *comparison) turn(g *wire, a scriptArgs, before map[Key]*sessionModel) {
	call := turnCall{key: here, arrival: -(time.Duration(c.rng.IntN(10)) * time.Minute).Microseconds()}
	if c.rng.IntN(2) == 0 {
		call.arrival = time.Now().Add(time.Duration(c.rng.IntN(10)-8) * time.Minute).UnixMicro() // also after now
	}
	call.over, call.ask = uint64(c.rng.IntN(6)), uint64(c.rng.IntN(6))
	if call.ask > 0 && call.over >= call.ask {
		call.over = call.ask - 1
	}
	if s := before[here]; s != nil && c.rng.IntN(3) == 0 {
		call.spent = max(s.fence, 1) + uint64(c.rng.IntN(3)) - 1
		if c.rng.IntN(10) == 0 {
			call.spent += 1_000_000 // ahead of the clock
		}
	}
	call.outdates = c.rng.IntN(4) == 0
	got, err := turnOn(g, call)
	if err != nil {
		c.t.Fatal(err)
	}
	c.notef("%s turn over %d ask %d spent %d arrival %d outdates %v: %+v", g.gate, call.over, call.ask, call.spent, call.arrival, call.outdates, got)
	kept, since := c.kept()
	var want turnReply
	for _, now := range c.timesOf(got, kept, since) {
		c.model.sessions, c.told = before, nil
		before = c.model.copied()
		c.model.now = now
		want = c.model.turn(a, call)
		if c.model.sessions[here].String() == kept.String() {
			break
		}
	}
	if got != want {
		c.t.Errorf("the script says %+v, the model %+v", got, want)
	}
}

// timesOf is when Redis may have run a call that has just been answered: as it
// says; as a lease that it has given says; as the token of one that nobody has
// heard of says, if it was one of a few; or any time after the call before.
func (c *comparison) timesOf(r turnReply, kept *sessionModel, since int64) []int64 {
	switch {
	case r.now != 0 && r.outcome != taken:
		return []int64{r.now}
	case since > c.model.now:
		return []int64{since}
	}
	later, err := c.redis.Time(c.t.Context()).Result()
	if err != nil {
		c.t.Fatal(err)
	}
	times := []int64{later.UnixMicro()}
	for n := range int64(len(c.gates)) {
		if at := int64(kept.fence) - n; at > c.model.now && at < times[0] {
			times = append(times, at)
		}
	}
	return times
}

func (c *comparison) renew(g *wire, a scriptArgs) {
	call := renewCall{key: here, conversation: uint64(1 + c.rng.IntN(5)), token: 1, ttl: a.ttl}
	if s := c.model.sessions[here]; s != nil {
		if s.owner == g.gate && c.rng.IntN(2) == 0 {
			call.conversation = s.conversation
		}
		call.token = s.token + uint64(c.rng.IntN(8)/7)
	}
	call.spent = call.token + uint64(c.rng.IntN(3))
	if c.rng.IntN(20) == 0 {
		c.redis.FlushAll(c.t.Context())
		c.model.flush()
	}
	got, err := renewOn(g, call)
	if err != nil {
		c.t.Fatal(err)
	}
	c.model.now = got.now
	want := c.model.renew(a, call)
	c.notef("%s renew %d, token %d: %+v", g.gate, call.conversation, call.token, got)
	if got != want {
		c.t.Errorf("the script says %+v, the model %+v", got, want)
	}
}

func (c *comparison) notef(format string, args ...any) {
	c.last = append(c.last, fmt.Sprintf(format, args...))
}

// compare looks at what is kept, that it expires, and at the messages.
func (c *comparison) compare(g *wire) {
	kept, _ := c.kept()
	if got, want := kept.String(), c.model.sessions[here].String(); got != want {
		c.t.Errorf("Redis keeps  %s\nthe model    %s", got, want)
	}
	left, err := c.redis.PTTL(c.t.Context(), g.session(here)).Result()
	if err != nil || kept.fence != 0 && (left <= 0 || left > simTiming.keep()) {
		c.t.Errorf("it expires in %v, %v", left, err)
	}
	if heard := c.heard(len(c.told)); !slices.Equal(heard, c.told) {
		c.t.Errorf("heard %q, want %q", heard, c.told)
	}
	c.told = nil
}

// heard takes in messages. Those that a script sends to all who wait come in any
// order, before the others.
func (c *comparison) heard(n int) (list []string) {
	for range n {
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		m, err := c.inbox.ReceiveMessage(ctx)
		cancel()
		if err != nil {
			c.t.Errorf("after %q: %v", list, err)
			return list
		}
		list = append(list, m.Payload)
	}
	return list
}

// kept is what Redis keeps of the session, read into the model's form, and since
// when the lease in it is given.
func (c *comparison) kept() (s *sessionModel, since int64) {
	s = &sessionModel{entries: make(map[string]entryModel)}
	text, err := c.redis.Get(c.t.Context(), c.gates[0].session(here)).Result()
	if errors.Is(err, redis.Nil) {
		return s, 0
	}
	lease, line, _ := strings.Cut(text, ",")
	var ttl int64
	if n, _ := fmt.Sscan(lease, &s.fence, &s.owner, &s.conversation, &s.token, &since, &ttl); err != nil || n != 1 && n != 6 {
		c.t.Errorf("a lease that cannot be: %q, %v", text, err)
	}
	s.leaseUntil = since + ttl
	for part := range strings.SplitSeq(line, ",") {
		var who string
		var e entryModel
		if n, _ := fmt.Sscan(part, &who, &e.conversation, &e.arrival, &e.alive); n == 4 {
			s.entries[who] = e
		} else if part != "" {
			c.t.Errorf("a place that cannot be: %q", text)
		}
	}
	return s, since
}
