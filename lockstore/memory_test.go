package lockstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/lockstore/lockstoretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryConforms(t *testing.T) {
	lockstoretest.Run(t, func(t testing.TB, l lockstore.Limits) lockstoretest.Store {
		m := lockstore.NewMemory(l)
		t.Cleanup(func() {
			if n := m.Sessions(); n != 0 {
				t.Errorf("%d idle sessions still take memory", n)
			}
		})
		return m
	})
}

// visit is one request of the timed property test, on virtual time.
type visit struct {
	arrives, patience, holds time.Duration
	session                  byte
	mode                     lockstore.Mode

	began, ended time.Duration
	served       bool
}

// plan makes visits that arrive at distinct instants, so that the order of
// arrival is known.
func plan(rng *rand.Rand, n int) []*visit {
	visits := make([]*visit, n)
	at := time.Duration(0)
	for i := range visits {
		at += time.Duration(1+rng.IntN(20)) * time.Millisecond
		visits[i] = &visit{
			arrives:  at,
			patience: time.Duration(1+2*rng.IntN(200)) * time.Millisecond / 2, // halves: never at the instant of a hand-off
			holds:    time.Duration(1+rng.IntN(60)) * time.Millisecond,
			session:  byte(rng.IntN(3)),
			mode:     lockstore.Mode(rng.IntN(2)),
		}
	}
	return visits
}

// simulate says when each visit must run, in the plainest words: who is first
// in line runs as soon as the turn is free, unless it has left by then.
func simulate(visits []*visit) []visit {
	want := make([]visit, len(visits))
	free := map[byte]time.Duration{} // when the session's turn is free
	for i, v := range visits {
		w := *v
		w.began = max(v.arrives, free[v.session])
		w.served = w.began-v.arrives < v.patience
		w.ended = w.began + v.holds
		if w.served && v.mode == lockstore.Exclusive {
			free[v.session] = w.ended
		}
		want[i] = w
	}
	return want
}

func TestMemoryServesAsTheModelSays(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 1))
				visits := plan(rng, 120)
				want := simulate(visits)
				m := lockstore.NewMemory(lockstore.Limits{})
				run(t, m, visits)
				for i, v := range visits {
					if v.served != want[i].served || v.served && v.began != want[i].began {
						t.Errorf("visit %d: got served=%v began=%v, want served=%v began=%v (%+v)",
							i, v.served, v.began, want[i].served, want[i].began, *v)
					}
				}
				if m.Waiting() != 0 || m.Sessions() != 0 {
					t.Errorf("left behind: %d tickets, %d sessions", m.Waiting(), m.Sessions())
				}
			})
		})
	}
}

func run(t *testing.T, m *lockstore.Memory, visits []*visit) {
	begin := time.Now()
	errImpatient := errors.New("out of patience")
	var all sync.WaitGroup
	for _, v := range visits {
		all.Go(func() {
			<-time.After(v.arrives)
			ctx, cancel := context.WithTimeoutCause(t.Context(), v.patience, errImpatient)
			defer cancel()
			turn, err := m.Acquire(ctx, lockstore.Request{Key: lockstore.Key{v.session}, Mode: v.mode})
			if err != nil {
				if !errors.Is(err, errImpatient) {
					t.Errorf("Acquire: %v", err)
				}
				return
			}
			v.served, v.began = true, time.Since(begin)
			<-time.After(v.holds)
			turn.Release()
		})
	}
	all.Wait()
}

// A ticket that is granted in the same instant in which its request leaves
// must end in exactly one of the two, and the line must go on.
func TestGrantAndDepartureAtOnce(t *testing.T) {
	for range 2000 {
		m := lockstore.NewMemory(lockstore.Limits{})
		r := lockstore.Request{Key: lockstore.Key{1}}
		first, err := m.Acquire(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		var both sync.WaitGroup
		both.Go(func() {
			if turn, err := m.Acquire(ctx, r); err == nil {
				turn.Release()
			}
		})
		both.Go(leave)
		first.Release()
		both.Wait()
		if m.Waiting() != 0 || m.Sessions() != 0 {
			t.Fatalf("left behind: %d tickets, %d sessions", m.Waiting(), m.Sessions())
		}
	}
}

func BenchmarkUncontended(b *testing.B) {
	m := lockstore.NewMemory(lockstore.Limits{PerClient: 128, Total: 20000})
	r := lockstore.Request{Key: lockstore.Key{1}, Client: "192.0.2.1", MaxWaiting: 64}
	b.ReportAllocs()
	for b.Loop() {
		turn, err := m.Acquire(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		turn.Release()
	}
}

// The work of a request must not grow with the requests waiting before it: with
// a thousand times as many, coming and leaving costs about the same. There are
// several rounds, for the machine may be busy with others in one.
func TestWorkDoesNotGrowWithTheLine(t *testing.T) {
	const rounds = 5
	for round := 1; ; round++ {
		short, long := comeAndGo(t, 10), comeAndGo(t, 10000)
		if long <= 30*short+10*time.Millisecond {
			return
		}
		t.Logf("2,000 requests behind 10 take %v, behind 10,000 %v", short, long)
		if round == rounds {
			t.Fatal("in every round the line has weighed")
		}
	}
}

// comeAndGo times requests that leave from behind a line of waiting ones.
func comeAndGo(t *testing.T, waiting int) time.Duration {
	t.Helper()
	m := lockstore.NewMemory(lockstore.Limits{})
	r := lockstore.Request{Key: lockstore.Key{1}}
	crowd, clear := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer clear()
	turn, err := m.Acquire(crowd, r)
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Release()
	for range waiting {
		all.Go(func() { _, _ = m.Acquire(crowd, r) })
	}
	for m.Waiting() < waiting {
		runtime.Gosched()
	}
	began := time.Now()
	for range 2000 {
		_, _ = m.Acquire(departing{crowd}, r)
	}
	return time.Since(began)
}

// departing is the context of a client that leaves right after it has come.
type departing struct{ context.Context }

func (departing) Err() error { return nil }

func (departing) Done() <-chan struct{} {
	ended := make(chan struct{})
	close(ended)
	return ended
}

// The cost of a departure must not grow with the number of tickets before it.
func BenchmarkLeaveBehind(b *testing.B) {
	for _, waiting := range []int{10, 10000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			m := lockstore.NewMemory(lockstore.Limits{})
			r := lockstore.Request{Key: lockstore.Key{1}}
			crowd, clear := context.WithCancel(b.Context())
			var all sync.WaitGroup
			defer all.Wait()
			defer clear()
			turn, err := m.Acquire(crowd, r)
			if err != nil {
				b.Fatal(err)
			}
			defer turn.Release()
			for range waiting {
				all.Go(func() { _, _ = m.Acquire(crowd, r) })
			}
			for m.Waiting() < waiting {
				runtime.Gosched()
			}
			for b.Loop() {
				_, _ = m.Acquire(departing{b.Context()}, r)
			}
		})
	}
}

// Who waits already keeps the place, and counts for those who come.
func TestBoundsCanBeChangedWhileRequestsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := lockstore.NewMemory(lockstore.Limits{})
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		r := lockstore.Request{Key: lockstore.Key{1}, Client: "a"}
		running, err := m.Acquire(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			go func() { _, _ = m.Acquire(ctx, r) }()
		}
		synctest.Wait()
		m.Bound(lockstore.Limits{PerClient: 1})
		if err := m.Check(r); !errors.Is(err, lockstore.ErrClientFull) {
			t.Errorf("beyond the client's new bound: %v", err)
		}
		m.Bound(lockstore.Limits{Total: 2})
		if err := m.Check(lockstore.Request{Key: lockstore.Key{1}, Client: "b"}); !errors.Is(err, lockstore.ErrTotalFull) {
			t.Errorf("beyond the new bound of all: %v", err)
		}
		m.Bound(lockstore.Limits{Total: 3})
		if err := m.Check(r); err != nil {
			t.Errorf("within the bounds: %v", err)
		}
		leave()
		synctest.Wait()
		running.Release()
		if m.Waiting() != 0 || m.Sessions() != 0 {
			t.Errorf("left behind: %d, %d", m.Waiting(), m.Sessions())
		}
	})
}
