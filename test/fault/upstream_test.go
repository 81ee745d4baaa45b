package fault

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// upstream tells when each request begins, and keeps those that it is told to.
type upstream struct {
	address string

	mu     sync.Mutex
	begun  map[string]time.Time
	fences map[string]uint64
	kept   map[string]chan struct{}
}

func startUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{begun: make(map[string]time.Time), fences: make(map[string]uint64), kept: make(map[string]chan struct{})}
	s := httptest.NewServer(http.HandlerFunc(u.serve))
	u.address = s.Listener.Addr().String()
	t.Cleanup(func() {
		u.mu.Lock()
		for path, kept := range u.kept {
			close(kept)
			delete(u.kept, path)
		}
		u.mu.Unlock()
		s.Close()
	})
	return u
}

func (u *upstream) serve(_ http.ResponseWriter, r *http.Request) {
	fence, _ := strconv.ParseUint(r.Header.Get("X-Sessiongate-Fence"), 10, 64)
	u.mu.Lock()
	u.begun[r.URL.Path], u.fences[r.URL.Path] = time.Now(), fence
	kept := u.kept[r.URL.Path]
	u.mu.Unlock()
	if kept != nil {
		<-kept
	}
}

// keep has a request last until let ends it.
func (u *upstream) keep(path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.kept[path] = make(chan struct{})
}

func (u *upstream) let(path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	close(u.kept[path])
	delete(u.kept, path)
}

// began waits for the beginning of a request.
func (u *upstream) began(t *testing.T, path string) time.Time {
	t.Helper()
	var at time.Time
	eventually(t, path+" begins", func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		at = u.begun[path]
		return !at.IsZero()
	})
	return at
}

// wantRising looks at the fences that requests have come with.
func (u *upstream) wantRising(t *testing.T, paths ...string) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	var last uint64
	for _, path := range paths {
		if u.fences[path] <= last {
			t.Errorf("%s has fence %d, after %d", path, u.fences[path], last)
		}
		last = u.fences[path]
	}
}
