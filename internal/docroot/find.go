package docroot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrReplaced says that something else stands now where a file was found.
var ErrReplaced = errors.New("docroot: the file was replaced")

// maxLinks bounds the symlinks that one name leads through, as Linux does.
const maxLinks = 40

// Found is a regular file that a name leads to.
type Found struct {
	// Name is the file's own: a cleaned URL path without symlinks.
	Name string
	info fs.FileInfo
}

// Find follows a cleaned URL path to a regular file, symlinks included. Under
// which name the file lies there matters to who serves it: a harmless one may
// lead to a script. Errors: fs.ErrNotExist where there is nothing that the gate
// can look at, and ErrUnreadable.
func (v View) Find(name string) (Found, error) {
	rest := strings.Split(strings.TrimPrefix(name, "/"), "/")
	at, links := "", 0 // at: how far it is, without symlinks
	var info fs.FileInfo
	for len(rest) > 0 {
		segment := rest[0]
		rest = rest[1:]
		switch segment { // only symlinks say these
		case "", ".":
			continue
		case "..":
			if at == "" {
				return Found{}, notThere(name, nil)
			}
			at, info = strings.TrimPrefix(path.Dir("/"+at), "/"), nil
			continue
		}
		next := path.Join(at, segment)
		var err error
		if info, err = v.r.root.Lstat(next); err != nil {
			return Found{}, notThere(name, err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		target, err := v.r.root.Readlink(next)
		if links++; err != nil || links > maxLinks || filepath.IsAbs(target) {
			return Found{}, notThere(name, err)
		}
		rest = append(strings.Split(filepath.ToSlash(target), "/"), rest...)
	}
	if info == nil || !info.Mode().IsRegular() {
		return Found{}, notThere(name, nil)
	}
	return Found{Name: "/" + at, info: info}, nil
}

// Open opens what was found, for reading. It never waits, whatever stands there
// now; where that is not the file that was found the error is ErrReplaced.
func (v View) Open(found Found) (*os.File, fs.FileInfo, error) {
	f, err := v.r.root.OpenFile(found.Name[1:], os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ErrReplaced
	}
	if err != nil {
		return nil, nil, notThere(found.Name, err)
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || !os.SameFile(info, found.info)) {
		err = ErrReplaced // inode numbers come again: the kind has to be looked at, too
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// notThere is the error of a name that leads to no file. A machine that has no
// descriptors left, or whose disk fails, does not say that.
func notThere(name string, err error) error {
	for _, failure := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.ESTALE, fs.ErrClosed} {
		if errors.Is(err, failure) {
			return fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}
