package lockstore_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/sessiongate/sessiongate/lockstore"
)

// newStore makes a store that has not been started.
func newStore(t *testing.T, address string, timeout time.Duration) *lockstore.Redis {
	t.Helper()
	s, err := lockstore.NewRedis(lockstore.RedisOptions{Addresses: []string{address}, Prefix: "test:", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// closes has the store closed, and expects that nothing is left.
func closes(t *testing.T, s *lockstore.Redis) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// asked expects the same error of all that a request asks.
func asked(t *testing.T, s *lockstore.Redis, want error) {
	t.Helper()
	r := lockstore.Request{Key: lockstore.Key{1}}
	if err := s.Check(r); !errors.Is(err, want) {
		t.Errorf("Check: %v, want %v", err, want)
	}
	if turn, err := s.Acquire(t.Context(), r); !errors.Is(err, want) || turn != nil {
		t.Errorf("Acquire: %v, %v, want %v", turn, err, want)
	}
}

func TestStoreIsStartedOnce(t *testing.T) {
	s := newStore(t, miniredis.RunT(t).Addr(), 2*time.Second)
	asked(t, s, lockstore.ErrNotStarted)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); !errors.Is(err, lockstore.ErrStarted) {
		t.Errorf("the second start: %v", err)
	}
	turn, err := s.Acquire(t.Context(), lockstore.Request{Key: lockstore.Key{1}})
	if err != nil {
		t.Fatal(err)
	}
	turn.Release()
	closes(t, s)
}

func TestOnlyOneOfManyStartsCounts(t *testing.T) {
	s := newStore(t, miniredis.RunT(t).Addr(), 2*time.Second)
	ended := make(chan error)
	for range 8 {
		go func() { ended <- s.Start(t.Context()) }()
	}
	started := 0
	for range 8 {
		switch err := <-ended; {
		case err == nil:
			started++
		case !errors.Is(err, lockstore.ErrStarted):
			t.Errorf("Start: %v", err)
		}
	}
	if started != 1 {
		t.Errorf("%d have started it", started)
	}
	closes(t, s)
}

func TestStoreThatWasRefusedMayBeStartedAgain(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("hunter2")
	s := newStore(t, server.Addr(), 2*time.Second)
	if err := s.Start(t.Context()); !errors.Is(err, lockstore.ErrServerAccess) {
		t.Fatalf("Start without the password: %v", err)
	}
	asked(t, s, lockstore.ErrNotStarted)
	server.RequireAuth("")
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	closes(t, s)
}

func TestClosedStoreSaysSo(t *testing.T) {
	for name, start := range map[string]bool{"started": true, "never started": false} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, miniredis.RunT(t).Addr(), 2*time.Second)
			if start {
				if err := s.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			closes(t, s)
			asked(t, s, lockstore.ErrClosed)
			if err := s.Start(t.Context()); !errors.Is(err, lockstore.ErrClosed) {
				t.Errorf("Start: %v", err)
			}
			closes(t, s) // nothing is left to be done
		})
	}
}

// mute is a server that takes connections and says nothing.
type mute struct {
	listener net.Listener
	taken    chan net.Conn
	hangsUp  atomic.Bool // does not take them
}

func newMute(t *testing.T) *mute {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mute{listener: l, taken: make(chan net.Conn, 100)}
	go func() {
		defer close(m.taken)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if m.hangsUp.Load() {
				_ = c.Close()
				continue
			}
			m.taken <- c
		}
	}()
	t.Cleanup(m.end)
	return m
}

// takes waits for a connection on which something is asked.
func (m *mute) takes(t *testing.T) {
	t.Helper()
	select {
	case c := <-m.taken:
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		m.taken <- c // for end
	case <-time.After(10 * time.Second):
		t.Fatal("nobody connects")
	}
}

// end breaks every connection off.
func (m *mute) end() {
	_ = m.listener.Close()
	for c := range m.taken {
		_ = c.Close()
	}
}

// A goroutine may be in a call that ends with the server's answer, or with
// redis.timeout, and not before.
func TestCloseWaitsNoLongerThanItMay(t *testing.T) {
	m := newMute(t)
	m.hangsUp.Store(true)
	s := newStore(t, m.listener.Addr().String(), time.Hour)
	if err := s.Start(t.Context()); err != nil { // it is away, and asked again
		t.Fatal(err)
	}
	m.hangsUp.Store(false)
	m.takes(t)
	brief, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := s.Close(brief)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "still at work: looking after the servers") {
		t.Errorf("Close: %v", err)
	}
	m.end()
	closes(t, s)
}

func TestCloseEndsAStartThatIsUnderWay(t *testing.T) {
	m := newMute(t)
	s := newStore(t, m.listener.Addr().String(), time.Hour)
	ended, closing := make(chan error), make(chan error)
	go func() { ended <- s.Start(t.Context()) }()
	m.takes(t)
	go func() { closing <- s.Close(context.WithoutCancel(t.Context())) }()
	for !errors.Is(s.Check(lockstore.Request{}), lockstore.ErrClosed) {
		runtime.Gosched()
	}
	m.end()
	if err := <-ended; !errors.Is(err, lockstore.ErrClosed) {
		t.Errorf("Start: %v", err)
	}
	if err := <-closing; err != nil {
		t.Errorf("Close: %v", err)
	}
}
