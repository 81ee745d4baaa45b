package docroot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// ErrUnreadable says that the root itself cannot be looked at now, or that the
// machine lacks what it takes: whether a file is there is not known.
var ErrUnreadable = errors.New("local_root")

// Root is a document root as the gate sees it. Look-ups stay below it, symlinks
// included (os.Root). The root itself may be a symlink that a deploy moves: each
// look-up asks with one stat, about a microsecond, where it points to now. (PHP
// remembers for longer: see docs/php.md, Deploys.)
type Root struct {
	dir string

	// mu is held for reading during a look-up, so that a root is not closed
	// under it.
	mu   sync.RWMutex
	root *os.Root
	info fs.FileInfo // of the folder that root was opened on
}

// Open opens the folder dir, or what it points to.
func Open(dir string) (*Root, error) {
	r := &Root{dir: dir}
	if err := r.openLocked(); err != nil {
		return nil, err
	}
	return r, nil
}

// openLocked opens the folder that dir names now. What it is, the open folder
// says: between a stat of dir and the opening a deploy may move the symlink.
func (r *Root) openLocked() error {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	info, err := root.Stat(".")
	if err != nil {
		_ = root.Close()
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if r.root != nil {
		_ = r.root.Close()
	}
	r.root, r.info = root, info
	return nil
}

// Close gives the folder back. Files that were opened stay open.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.root.Close()
}

// View is one look-up's hold on the root.
type View struct{ r *Root }

// View returns the root as it is now; Done must follow.
func (r *Root) View() (View, error) {
	now, err := os.Stat(r.dir)
	if err != nil {
		return View{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	r.mu.RLock()
	if os.SameFile(now, r.info) {
		return View{r}, nil
	}
	r.mu.RUnlock()
	if err := r.reopen(now); err != nil {
		return View{}, err
	}
	r.mu.RLock()
	return View{r}, nil
}

func (r *Root) reopen(now fs.FileInfo) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if os.SameFile(now, r.info) {
		return nil // another request was first
	}
	return r.openLocked()
}

// Done ends the look-up.
func (v View) Done() { v.r.mu.RUnlock() }

// IsFile tells whether a cleaned URL path is a regular file. What cannot be
// looked at, such as a symlink that leads out, is not there.
func (v View) IsFile(name string) bool {
	info, err := v.r.root.Stat(strings.TrimPrefix(name, "/"))
	return err == nil && info.Mode().IsRegular()
}
