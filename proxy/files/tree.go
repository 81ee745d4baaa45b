package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/sessiongate/sessiongate/internal/docroot"
)

// Tree is a document root whose files are served. It may be used by many
// goroutines.
type Tree struct{ root *docroot.Root }

// Open opens the document root dir, as the gate sees it.
func Open(dir string) (*Tree, error) {
	root, err := docroot.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	return &Tree{root: root}, nil
}

// Close gives the document root back. Files stay open.
func (t *Tree) Close() error { return t.root.Close() }

// File is an open file. Close has to be called.
type File struct {
	content  *os.File
	name     string
	size     int64
	modified time.Time
}

// Close gives the descriptor back.
func (f *File) Close() error { return f.content.Close() }

// attempts bounds how often a file that is replaced meanwhile is looked for.
const attempts = 3

// Find opens the file that a cleaned URL path names. Errors: fs.ErrNotExist
// where it names none that is served, and docroot.ErrUnreadable.
func (t *Tree) Find(name string) (*File, error) {
	if !mayServe(name) {
		return nil, fs.ErrNotExist
	}
	view, err := t.root.View()
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	defer view.Done()
	for range attempts {
		found, err := view.Find(name)
		if err != nil {
			return nil, fmt.Errorf("files: %w", err)
		}
		if !mayServe(found.Name) {
			return nil, fs.ErrNotExist
		}
		content, info, err := view.Open(found)
		if errors.Is(err, docroot.ErrReplaced) {
			continue // by a deploy, which renames one over the other
		}
		if err != nil {
			return nil, fmt.Errorf("files: %w", err)
		}
		file := &File{content: content, name: name, size: info.Size(), modified: info.ModTime()}
		if err := file.refuseSource(); err != nil {
			_ = content.Close()
			return nil, err
		}
		return file, nil
	}
	return nil, fs.ErrNotExist
}

// refuseSource looks at the beginning of the file.
func (f *File) refuseSource() error {
	var head [headSize]byte
	n, err := f.content.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("files: %w: %w", docroot.ErrUnreadable, err)
	}
	if beginsAsSource(head[:n]) {
		return fs.ErrNotExist
	}
	return nil
}
