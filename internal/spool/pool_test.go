package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenTellsWhatIsWrongWithTheFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, want string }{
		{filepath.Join(dir, "missing"), "does not exist (running as "},
		{file, "is not a folder: name a folder in spool.dir"},
	} {
		_, err := Open(c.dir, Limits{})
		if err == nil || !strings.Contains(err.Error(), c.dir+" "+c.want) {
			t.Errorf("Open(%q): %v, want %q", c.dir, err, c.want)
		}
		if !errors.Is(err, ErrDisk) {
			t.Errorf("Open(%q): %v is not ErrDisk", c.dir, err)
		}
	}
	if _, err := Open(dir, Limits{Memory: -1}); err == nil {
		t.Error("negative limit was taken")
	}
}

// Root may write anywhere, so the message is asked for directly.
func TestUnwritableFolderIsNamedWithOwnerAndMode(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o550); err != nil {
		t.Fatal(err)
	}
	err := explainFolder(dir, fs.ErrPermission)
	for _, want := range []string{dir, "mode 0550", "belongs to ", "running as ", "spool.dir"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if !errors.Is(err, fs.ErrPermission) {
		t.Error("the system's error is lost")
	}
}

func TestEmptyDirIsTheSystemsFolder(t *testing.T) {
	p, err := Open("", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Dir() != os.TempDir() {
		t.Errorf("Dir is %q", p.Dir())
	}
}

func TestClosedPoolTakesNoMoreBodies(t *testing.T) {
	p := openPool(t, Limits{})
	b, err := p.ReadBody(source(10), 10, BodyLimits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err == nil {
		t.Error("Close said nothing of the body still open")
	}
	if _, err := p.ReadBody(source(10), 10, BodyLimits{}); !errors.Is(err, ErrClosed) {
		t.Errorf("ReadBody after Close: %v", err)
	}
	b.Close()
}

// The portable way to a file without a name.
func TestCreateAndRemoveLeavesNoName(t *testing.T) {
	dir := t.TempDir()
	f, path, err := createAndRemove(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: want 0600", info.Mode(), err)
	}
	if names, _ := os.ReadDir(dir); path != "" || len(names) != 0 {
		t.Errorf("name left: %q %v", path, names)
	}
}
