package spool

import (
	"errors"
	"fmt"
	"os"

	"github.com/sessiongate/sessiongate/internal/owner"
)

const filePattern = "sessiongate-spool-*"

// file is an unlinked temporary file with its charge to the disk budget.
type file struct {
	pool  *Pool
	disk  *budget
	share *share // of the client; nil: none
	f     *os.File
	path  string // set where an open file cannot be unlinked: removed at the end
	size  int64  // charged so far; changed by the one who writes
}

// create opens a file that has no name any more, with mode 0600.
// It is charged to disk, which is the share's where there is one.
func (p *Pool) create(disk *budget, s *share) (*file, error) {
	if p.closed.Load() {
		return nil, ErrClosed
	}
	f, path, err := p.open(p.dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	p.files.Add(1)
	if s != nil {
		s.again()
	}
	return &file{pool: p, disk: disk, share: s, f: f, path: path}, nil
}

// createAndRemove is the way that works on every Unix.
func createAndRemove(dir string) (*os.File, string, error) {
	f, err := os.CreateTemp(dir, filePattern)
	if err != nil {
		return nil, "", err
	}
	path := f.Name()
	if os.Remove(path) == nil {
		path = ""
	}
	return f, path, nil
}

// growTo charges for a file of size bytes, or returns the budget that has no room.
func (t *file) growTo(size int64) (refused *budget) {
	more := size - t.size
	if more <= 0 {
		return nil
	}
	if refused = t.disk.take(more); refused == nil {
		t.size = size
	}
	return refused
}

func (t *file) writeAt(p []byte, off int64) error {
	n, err := t.f.WriteAt(p, off)
	t.pool.written.Add(int64(n))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return nil
}

func (t *file) readAt(p []byte, off int64) error {
	if n, err := t.f.ReadAt(p, off); n < len(p) {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return nil
}

// release closes the file and gives the charge back. Nobody may be reading.
func (t *file) release() {
	// Nothing is kept in this file: an error of close has nobody to matter to.
	_ = t.f.Close()
	if t.path != "" {
		_ = os.Remove(t.path)
	}
	t.pool.files.Add(-1)
	if t.size > 0 {
		t.disk.give(t.size)
	}
	if t.share != nil {
		t.share.leave()
	}
}

// explainFolder says why dir cannot hold the spool, and what would be right.
func explainFolder(dir string, err error) error {
	const way = "give this user a writable folder there, or name another folder in spool.dir"
	info, statErr := os.Stat(dir)
	switch {
	case errors.Is(statErr, os.ErrNotExist):
		return fmt.Errorf("spool: folder %s does not exist (running as %s): create it, or name another folder in spool.dir: %w", dir, owner.Me(), err)
	case statErr == nil && !info.IsDir():
		return fmt.Errorf("spool: %s is not a folder: name a folder in spool.dir: %w", dir, err)
	}
	return fmt.Errorf("spool: no file can be written in folder %s: %s (running as %s): %s: %w", dir, owner.Of(dir), owner.Me(), way, err)
}
