package fault

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redisserver"
	"github.com/sessiongate/sessiongate/internal/redistest"
)

// clock is the wall clock of one redis-server, which can be set.
type clock struct {
	t    *testing.T
	file string
}

// startWithClock runs a server whose time of day is the test's to set.
func startWithClock(t *testing.T) (*redistest.Server, *clock) {
	t.Helper()
	dir := t.TempDir()
	c := &clock{t: t, file: filepath.Join(dir, "offset")}
	c.set(0)
	library, wrapper := filepath.Join(dir, "clock.so"), filepath.Join(dir, "redis-server")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-O1", "-o", library, "testdata/clock.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	real, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nCLOCK_FILE='%s' LD_PRELOAD='%s' exec '%s' \"$@\"\n", c.file, library, real)
	if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return redistest.Start(t, func(o *redisserver.Options) { o.Binary = wrapper }), c
}

// set has the server's clock be off by so much. The file is written to in
// place: the server has it mapped.
func (c *clock) set(off time.Duration) {
	c.t.Helper()
	f, err := os.OpenFile(c.file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := binary.Write(f, binary.NativeEndian, off.Microseconds()); err != nil {
		c.t.Error(err)
	}
	if err := f.Close(); err != nil {
		c.t.Error(err)
	}
}

// setBack sets a server's clock back and looks whether that is seen.
func (c *clock) setBack(admin *redis.Client, by time.Duration) {
	c.t.Helper()
	before, err := admin.Time(c.t.Context()).Result()
	if err != nil {
		c.t.Fatal(err)
	}
	c.set(-by)
	after, err := admin.Time(c.t.Context()).Result()
	if err != nil {
		c.t.Fatal(err)
	}
	if step := before.Sub(after); step < by-time.Minute {
		c.t.Fatalf("the clock went back by %s, want %s", step, by)
	}
}

// TestFencesRiseWhenTheClockIsSetBack sets Redis's clock back by an hour,
// between turns, during a turn, and while a gate waits.
func TestFencesRiseWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	server, clock := startWithClock(t)
	c := server.Client(t)
	gates := openGates(t, 2, server.Address(), ttl(1500*time.Millisecond))
	before := gates[0].take(t, shared(1))
	before.Release()
	awaitFree(t, c, key(1))
	during := gates[0].take(t, shared(2))
	next := gates[1].enqueue(t.Context(), t, shared(2))
	awaitLine(t, c, key(2), 1)

	clock.setBack(c, time.Hour)
	after := gates[1].take(t, shared(1))
	if after.Fence() <= before.Fence() {
		t.Errorf("fence %d after %d", after.Fence(), before.Fence())
	}
	after.Release()

	released := time.Now()
	during.Release()
	o := turnOf(t, next)
	wantWithin(t, "the turn of a gate that waited", o.at.Sub(released), poll)
	if o.turn.Fence() <= during.Fence() {
		t.Errorf("fence %d after %d", o.turn.Fence(), during.Fence())
	}
	o.turn.Release()
	awaitFree(t, c, key(2))
	wantExpiries(t, c)
}

// TestLeaseWhoseExpiryTheClockHasPassed sets the clock ahead: Redis takes it for expired, the gate
// renews it or learns that another has it.
func TestLeaseWhoseExpiryTheClockHasPassed(t *testing.T) {
	t.Parallel()
	const leaseTTL = 1500 * time.Millisecond
	server, clock := startWithClock(t)
	c := server.Client(t)
	gates := openGates(t, 2, server.Address(), ttl(leaseTTL))
	kept, taken := gates[0].take(t, shared(1)), gates[0].take(t, shared(2))
	clock.set(time.Hour)
	other := gates[1].take(t, shared(2))
	wantLost(t, taken)
	if err := other.Context().Err(); err != nil {
		t.Errorf("the newer turn has ended: %v", err)
	}
	if other.Fence() <= taken.Fence() {
		t.Errorf("fence %d after %d", other.Fence(), taken.Fence())
	}
	eventually(t, "the lease that nobody took is restored", func() bool { return read(t, c, key(1)).owner != "" })
	pass(leaseTTL)
	if err := kept.Context().Err(); err != nil {
		t.Errorf("the turn whose lease nobody took has ended: %v", err)
	}
	kept.Release()
	taken.Release()
	other.Release()
	awaitFree(t, c, key(1))
	awaitFree(t, c, key(2))
}

// TestLeaseOfADeadGateEndsThoughTheClockWasSetBack: nobody waits for the hour to
// pass again.
func TestLeaseOfADeadGateEndsThoughTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	const leaseTTL = 1500 * time.Millisecond
	server, clock := startWithClock(t)
	c := server.Client(t)
	gates := openGates(t, 2, server.Address(), ttl(leaseTTL))
	dead := gates[0].take(t, shared(1))
	gates[0].way.Freeze()
	clock.setBack(c, time.Hour)
	since := time.Now()
	turn := gates[1].take(t, shared(1))
	wantWithin(t, "the next turn", time.Since(since), leaseTTL+poll)
	if turn.Fence() <= dead.Fence() {
		t.Errorf("fence %d after %d", turn.Fence(), dead.Fence())
	}
	wantLost(t, dead)
	gates[0].way.Thaw()
	dead.Release()
	turn.Release()
	awaitFree(t, c, key(1))
}

// TestGrantLastsNoLongerThanItsTime: what a gate knows of Redis's clock is
// wrong after a step ahead, until it has forgotten it. Believing a grant by it
// would be two holders.
func TestGrantLastsNoLongerThanItsTime(t *testing.T) {
	t.Parallel()
	server, clock := startWithClock(t)
	c := server.Client(t)
	gates := openGates(t, 2, server.Address(), ttl(10*time.Second))
	turn := gates[0].take(t, shared(1))
	next := gates[1].enqueue(t.Context(), t, shared(1))
	awaitLine(t, c, key(1), 1)
	before := c.Get(t.Context(), sessionKey(key(1))).Val()
	clock.set(5 * time.Second) // both leases and places in the line outlive it
	eventually(t, "the gate asks again", func() bool { return c.Get(t.Context(), sessionKey(key(1))).Val() != before })
	turn.Release()
	granted := turnOf(t, next).turn
	gates[1].way.Freeze()
	frozen := time.Now()
	later := gates[0].take(t, shared(1))
	wantLost(t, granted)
	wantWithin(t, "losing the lease", time.Since(frozen), confirm)
	gates[1].way.Thaw()
	granted.Release()
	later.Release()
	awaitFree(t, c, key(1))
}
