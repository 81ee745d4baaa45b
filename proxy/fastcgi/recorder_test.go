package fastcgi

import (
	"net/http"
	"slices"
	"sync"
)

// recorder keeps lines for a test.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) add(_ *http.Request, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

func (r *recorder) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = nil
}
