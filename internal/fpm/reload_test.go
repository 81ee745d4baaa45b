package fpm_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// said keeps what php-fpm says.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) times(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), what)
}

func TestAPoolThatIsReloadedKeepsItsSocketOpen(t *testing.T) {
	log := &said{}
	pool := fpmtest.Start(t, fpm.Options{ControlTimeout: 5 * time.Second, Log: log})
	pid := pool.PID()
	if err := pool.Reload(); err != nil {
		t.Fatal(err)
	}
	for log.times("ready to handle connections") < 2 {
		if err := dial(t, pool); err != nil {
			t.Fatalf("while it is reloaded: %v", err)
		}
	}
	if pool.PID() != pid {
		t.Errorf("process %d, before %d", pool.PID(), pid)
	}
}
