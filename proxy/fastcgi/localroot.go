package fastcgi

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// localRoot is the document root as the gate sees it. Look-ups stay below it,
// symlinks included (os.Root). The root itself may be a symlink that a deploy
// moves: each look-up asks with one stat, about a microsecond, where it points
// to now. (PHP remembers for longer: see docs/php.md, Deploys.)
type localRoot struct {
	dir string

	// mu is held for reading during a look-up, so that a root is not closed
	// under it.
	mu   sync.RWMutex
	root *os.Root
	info fs.FileInfo // of the folder that root was opened on
}

func openLocalRoot(dir string) (*localRoot, error) {
	l := &localRoot{dir: dir}
	if err := l.openLocked(); err != nil {
		return nil, err
	}
	return l, nil
}

// openLocked opens the folder that dir names now. What it is, the open folder
// says: between a stat of dir and the opening a deploy may move the symlink.
func (l *localRoot) openLocked() error {
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLocalRoot, err)
	}
	info, err := root.Stat(".")
	if err != nil {
		_ = root.Close()
		return fmt.Errorf("%w: %w", ErrLocalRoot, err)
	}
	if l.root != nil {
		_ = l.root.Close()
	}
	l.root, l.info = root, info
	return nil
}

func (l *localRoot) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.root.Close()
}

// rootView is one look-up's hold on the root.
type rootView struct{ l *localRoot }

// view returns the root as it is now; done must follow.
func (l *localRoot) view() (rootView, error) {
	now, err := os.Stat(l.dir)
	if err != nil {
		return rootView{}, fmt.Errorf("%w: %w", ErrLocalRoot, err)
	}
	l.mu.RLock()
	if os.SameFile(now, l.info) {
		return rootView{l}, nil
	}
	l.mu.RUnlock()
	if err := l.reopen(now); err != nil {
		return rootView{}, err
	}
	l.mu.RLock()
	return rootView{l}, nil
}

func (l *localRoot) reopen(now fs.FileInfo) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if os.SameFile(now, l.info) {
		return nil // another request was first
	}
	return l.openLocked()
}

func (v rootView) done() { v.l.mu.RUnlock() }

// isFile tells whether a cleaned URL path is a regular file. What cannot be
// looked at, such as a symlink that leads out, is not there.
func (v rootView) isFile(name string) bool {
	info, err := v.l.root.Stat(strings.TrimPrefix(name, "/"))
	return err == nil && info.Mode().IsRegular()
}
