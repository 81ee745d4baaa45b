package balance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world plays the servers of a pool that is watched.
type world struct {
	*Pool
	list    []*Server
	options Options

	mu      sync.Mutex
	down    map[*Server]error
	checked map[*Server][]time.Time
	told    []string
}

// watch runs a pool of n servers until the test ends. It must be called inside
// a synctest bubble.
func watch(t *testing.T, n int, o Options) *world {
	t.Helper()
	w := &world{list: servers(n), down: map[*Server]error{}, checked: map[*Server][]time.Time{}}
	o.Interval, o.Timeout = 10*time.Second, 2*time.Second
	o.Out = func(s *Server, why error) { w.tell(fmt.Sprintf("%s out: %v", s.Address, why)) }
	o.In = func(s *Server) { w.tell(s.Address + " in") }
	o.Check = w.check
	w.options = o
	w.Pool = New(o, w.list...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Watch(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return w
}

func (w *world) tell(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, what)
}

// errHangs makes a check last until it is cut off.
var errHangs = errors.New("hangs")

func (w *world) check(ctx context.Context, s *Server) error {
	w.mu.Lock()
	w.checked[s] = append(w.checked[s], time.Now())
	err := w.down[s]
	w.mu.Unlock()
	if errors.Is(err, errHangs) {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (w *world) set(s *Server, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[s] = err
}

// checks is how often a server has been checked.
func (w *world) checks(s *Server) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.checked[s])
}

// after lets time pass and says what was told meanwhile.
func (w *world) after(d time.Duration) string {
	time.Sleep(d) // a bubble's: no time passes outside of it
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	told := fmt.Sprint(w.told)
	w.told = nil
	return told
}

func TestChecksTakeAServerOutAndBringItBack(t *testing.T) {
	for name, down := range map[string]error{"fails": errDown, "hangs": errHangs} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(t, 2, Options{Fall: 3, Rise: 2, Always: true})
				w.set(w.list[0], down)
				if told := w.after(17 * time.Second); told != "[]" {
					t.Fatalf("after two checks at most, fall is 3: %s", told)
				}
				want := "[a out: connection refused]"
				if down == errHangs {
					want = "[a out: context deadline exceeded]"
				}
				if told := w.after(time.Minute); told != want {
					t.Fatalf("after many checks: %s, want %s", told, want)
				}
				w.set(w.list[0], nil)
				if told := w.after(8 * time.Second); told != "[]" {
					t.Fatalf("after one check at most, rise is 2: %s", told)
				}
				if told := w.after(time.Minute); told != "[a in]" {
					t.Fatalf("after many checks that passed: %s", told)
				}
			})
		})
	}
}

func TestFailuresAreCountedInARow(t *testing.T) {
	p := New(Options{Fall: 2, Rise: 2}, servers(1)...)
	s := p.servers[0]
	for _, step := range []struct {
		err error
		in  bool
	}{{errDown, true}, {nil, true}, {errDown, true}, {errDown, false}, {nil, false}, {errDown, false}, {nil, false}, {nil, true}, {errDown, true}} {
		p.checked(s, step.err)
		if got := p.Status()[0].In; got != step.in {
			t.Fatalf("after %v: in %v, want %v", step.err, got, step.in)
		}
	}
}

func TestOnlyServersThatAreOutAreCheckedWhereNotAllAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 2, Options{Fall: 3, Rise: 2})
		w.after(time.Hour)
		if w.checks(w.list[0])+w.checks(w.list[1]) != 0 {
			t.Fatal("servers were checked that are in")
		}
		falls(t, w.Pool, w.list[1])
		if told := w.after(23 * time.Second); told != "[b out: connection refused b in]" {
			t.Fatalf("told %s", told)
		}
		if a, b := w.checks(w.list[0]), w.checks(w.list[1]); a != 0 || b != 2 {
			t.Errorf("checked %d and %d times", a, b)
		}
		// What was refused before counts no more.
		take(t, w.Pool, Key{}, w.list[0]).Refused(errDown)
		if !w.Status()[1].In {
			t.Error("out again after one refusal")
		}
	})
}

func TestChecksComeEachIntervalGiveOrTakeATenth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 1, Options{Always: true})
		w.after(time.Hour)
		seen := map[time.Duration]bool{}
		w.mu.Lock()
		times := w.checked[w.list[0]]
		w.mu.Unlock()
		if len(times) < 300 {
			t.Fatalf("%d checks in an hour", len(times))
		}
		for i := 1; i < len(times); i++ {
			between := times[i].Sub(times[i-1])
			seen[between] = true
			if between < 9*time.Second || between > 11*time.Second {
				t.Fatalf("%v between two checks", between)
			}
		}
		if len(seen) < 100 {
			t.Errorf("%d intervals of %d differ: gates would check together", len(seen), len(times))
		}
	})
}

func TestACheckThatIsCutOffByTheEndSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{list: servers(1), down: map[*Server]error{}, checked: map[*Server][]time.Time{}}
		w.Pool = New(Options{Check: w.check, Interval: time.Second, Timeout: time.Minute, Always: true, Out: func(*Server, error) { t.Error("out") }}, w.list...)
		w.set(w.list[0], errHangs)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.Watch(ctx)
		}()
		synctest.Wait()
		cancel()
		<-ended
		if s := w.Status()[0]; !s.In || w.list[0].failed != 0 {
			t.Errorf("in %v, %d failures", s.In, w.list[0].failed)
		}
	})
}

func TestAServerThatIsOffTheListIsNotChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 2, Options{Always: true})
		w.after(time.Minute)
		w.Set(w.options, w.list[1])
		n := w.checks(w.list[0])
		w.after(time.Minute)
		if a, b := w.checks(w.list[0]), w.checks(w.list[1]); a != n || b <= n {
			t.Errorf("checked %d and %d times, %d before the first was taken off", a, b, n)
		}
	})
}

// What is not said must neither flood the servers with checks nor take them out.
func TestOptionsThatAreNotSaidAreUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks, bounds := 0, time.Duration(0)
		p := New(Options{Always: true, Check: func(ctx context.Context, _ *Server) error {
			checks++
			until, _ := ctx.Deadline()
			bounds = max(bounds, time.Until(until)) // the last one ends with the minute
			return ctx.Err()
		}}, servers(1)...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p.Watch(ctx)
		if checks < 10 || checks > 15 {
			t.Errorf("%d checks in a minute, want one each 5 s", checks)
		}
		if bounds != defaultTimeout {
			t.Errorf("a check has %v, want %v", bounds, defaultTimeout)
		}
		if s := p.Status()[0]; !s.In {
			t.Errorf("the server is out: %v", s.Why)
		}
	})
}

func TestServerComesBackWithoutACheckOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{}, servers(1)...)
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second)
		defer cancel()
		p.mu.Lock()
		p.goesOutLocked(p.servers[0], errHangs)
		p.mu.Unlock()
		p.Watch(ctx)
		if s := p.Status()[0]; !s.In {
			t.Errorf("the server is out for ever: %v", s.Why)
		}
	})
}
