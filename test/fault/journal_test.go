package fault

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// journal is the calls of a gate that failed: how many, and the last ones.
type journal struct {
	mu   sync.Mutex
	n    int
	last []string
}

func (j *journal) add(kind string, err error) {
	const kept = 40
	j.mu.Lock()
	defer j.mu.Unlock()
	j.n++
	j.last = append(j.last, fmt.Sprintf("%s %s: %v", time.Now().Format("05.000"), kind, err))
	j.last = j.last[max(len(j.last)-kept, 0):]
}

func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.n
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.last, "\n")
}
