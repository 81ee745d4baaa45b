package app

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/lockstore"
)

// fakeAuthority does what it is told to.
type fakeAuthority struct {
	startErr error
	isAway   bool
	refusal  error
	closed   int
	bounded  bool // Close was given a deadline
}

func (f *fakeAuthority) Start(context.Context) error { return f.startErr }
func (f *fakeAuthority) Away() bool                  { return f.isAway }
func (f *fakeAuthority) Refused() error              { return f.refusal }

func (f *fakeAuthority) Close(ctx context.Context) error {
	_, f.bounded = ctx.Deadline()
	f.closed++
	return nil
}

const quiet = "server: {listen: \"127.0.0.1:0\", drain_delay: 0s}\nadmin: {listen: \"127.0.0.1:0\"}\n"

// appOn is an app that has not started, on an authority of the test's own.
func appOn(t *testing.T, f *fakeAuthority) *App {
	t.Helper()
	a, err := New(load(t, quiet), "test", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	a.locks.authority, a.locks.patience = f, time.Second
	return a
}

func TestRedisThatDoesNotFitEndsTheStart(t *testing.T) {
	f := &fakeAuthority{startErr: lockstore.ErrServerTooOld}
	a := appOn(t, f)
	err := a.Start(t.Context())
	if !errors.Is(err, lockstore.ErrServerTooOld) || !strings.HasPrefix(err.Error(), "redis: ") {
		t.Errorf("start: %v", err)
	}
	if a.publicAt != nil || a.adminAt != nil {
		t.Error("it listens")
	}
	if err := a.Close(); err != nil || f.closed != 1 || !f.bounded {
		t.Errorf("close: %v; the store was closed %d times, with a deadline: %v", err, f.closed, f.bounded)
	}
}

func TestStoreIsClosedAlsoWhereAListenerIsTaken(t *testing.T) {
	f := &fakeAuthority{}
	a := appOn(t, f)
	taken, err := listen(t.Context(), "admin.listen", "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	a.config.Server.Listen = taken.Addr().String()
	if err := a.Start(t.Context()); err == nil {
		t.Error("it started")
	}
	if err := a.Close(); err != nil || f.closed != 1 {
		t.Errorf("close: %v; the store was closed %d times", err, f.closed)
	}
}

func TestGateThatMustNotShareTheStoreIsNotReady(t *testing.T) {
	f := &fakeAuthority{refusal: errors.New("another secret")}
	l := &locks{authority: f}
	r := newReadiness(nil, l.refused)
	if got := r.Reasons(t.Context()); len(got) != 1 || got[0] != "redis: another secret" {
		t.Errorf("not ready because of %q", got)
	}
	f.refusal = nil
	if got := r.Reasons(t.Context()); len(got) != 0 {
		t.Errorf("not ready because of %q", got)
	}
}

func TestDegradedFollowsTheStore(t *testing.T) {
	f := &fakeAuthority{}
	registry := prometheus.NewRegistry()
	registerDegraded(registry, (&locks{authority: f}).away)
	for _, away := range []bool{true, false} {
		f.isAway = away
		want := "0"
		if away {
			want = "1"
		}
		text := "# HELP sessiongate_degraded 1 while Redis cannot be asked.\n# TYPE sessiongate_degraded gauge\nsessiongate_degraded " + want + "\n"
		if err := testutil.GatherAndCompare(registry, strings.NewReader(text)); err != nil {
			t.Error(err)
		}
	}
}

func TestStoreEventsAreCountedAndLoggedOnce(t *testing.T) {
	var log strings.Builder
	e := newLockEvents(prometheus.NewRegistry(), zerolog.New(&log))
	lost := 0
	e.leaseLost = func() { lost++ }
	events := e.of(redisWords{})
	for range 3 {
		events.Away(errors.New("connection refused"))
		events.Failed("timeout", errors.New("i/o timeout"))
		events.TakenOver(lockstore.Key{1})
		events.Overlapped(lockstore.Key{1})
		events.Notice("it evicts")
	}
	events.Away(nil)
	events.Away(nil)
	events.Away(errors.New("again"))
	if n := testutil.ToFloat64(e.failures.WithLabelValues("timeout")); n != 3 {
		t.Errorf("%v failures counted, want 3", n)
	}
	if n := testutil.ToFloat64(e.takeovers); n != 3 {
		t.Errorf("%v takeovers counted, want 3", n)
	}
	if lost != 3 {
		t.Errorf("%d lost leases counted, want 3", lost)
	}
	for text, want := range map[string]int{
		`"error":"connection refused","message":"Redis is away`: 1,
		`"level":"info","message":"Redis is back`:               1,
		`"error":"again","message":"Redis is away`:              1,
		"it evicts":      1,
		`"level":"warn"`: 5, // away twice, the notice, and one line for each that may come often
		"i/o timeout":    1,
	} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%q stands %d times in the log, want %d:\n%s", text, got, want, log.String())
		}
	}
}

func TestOperationsPageNamesTheMetricsOfTheStore(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	newLockEvents(registry, zerolog.Nop())
	registerDegraded(registry, (&locks{}).away)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if !strings.Contains(string(page), "`"+family.GetName()+"`") {
			t.Errorf("docs/operations.md does not name the metric %s", family.GetName())
		}
	}
	for _, kind := range lockstore.FailureKinds() {
		if !strings.Contains(string(page), kind) {
			t.Errorf("docs/operations.md does not name the kind %s", kind)
		}
	}
}
