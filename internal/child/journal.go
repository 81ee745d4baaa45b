package child

import "sync"

// journalSize bounds what is kept of a child's words.
const journalSize = 256 << 10

// journal keeps the last bytes written and tells who waits for more.
type journal struct {
	mu      sync.Mutex
	last    []byte
	changed chan struct{} // closed, and made anew, at each write
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = append(j.last, b...)
	// Cut at twice the size, so that not every write moves all of it.
	if len(j.last) > 2*journalSize {
		j.last = append(j.last[:0], j.last[len(j.last)-journalSize:]...)
	}
	close(j.changed)
	j.changed = make(chan struct{})
	return len(b), nil
}

// now is a copy of what is kept, and a channel that is closed at the next write.
func (j *journal) now() ([]byte, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]byte(nil), j.last...), j.changed
}

func (j *journal) String() string {
	said, _ := j.now()
	return string(said)
}
