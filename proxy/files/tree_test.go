package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sessiongate/sessiongate/internal/docroot"
)

// folder makes a document root: name and content in turns; "->" before a content
// makes a symlink, a name that ends in "/" a folder.
func folder(t testing.TB, entries ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	for i := 0; i < len(entries); i += 2 {
		name, content := filepath.Join(root, entries[i]), entries[i+1]
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		target, isLink := strings.CutPrefix(content, "->")
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(target, name)
		case strings.HasSuffix(entries[i], "/"):
			err = os.MkdirAll(name, 0o755)
		default:
			err = os.WriteFile(name, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func open(t testing.TB, dir string) *Tree {
	t.Helper()
	tree, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.Close(); err != nil {
			t.Error(err)
		}
	})
	return tree
}

// read finds a file and reads it.
func read(tree *Tree, name string) (string, error) {
	f, err := tree.Find(name)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(f.content)
	return string(content), errors.Join(err, f.Close())
}

func TestFilesAreFound(t *testing.T) {
	tree := open(t, folder(t,
		"a.css", "A", "sub/b.js", "B", "link.css", "->a.css", "current", "->sub", ".well-known/acme-challenge/token", "T", "LICENSE", "L", "empty.txt", "",
	))
	for name, want := range map[string]string{
		"/a.css": "A", "/sub/b.js": "B", "/link.css": "A", "/current/b.js": "B", "/.well-known/acme-challenge/token": "T", "/LICENSE": "L", "/empty.txt": "",
	} {
		if got, err := read(tree, name); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestWhatIsNotServedIsNotThere(t *testing.T) {
	dir := folder(t,
		"index.php", "<?php", "old.txt", "<?php secret();", "node.module", "\n<?PHP\n", "artisan", "#!/usr/bin/env php\n<?php\n",
		".env", "SECRET", ".git/config", "SECRET", "sub/", "",
		"plain.txt", "->.env", "readme.txt", "->index.php", "open", "->.git", "out.txt", "->../out.txt", "../out.txt", "SECRET", "far.txt", "->/etc/hostname",
		"unreadable/", "",
	)
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo.txt"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree := open(t, dir)
	for _, name := range []string{
		"/index.php", "/old.txt", "/node.module", "/artisan", "/.env", "/.git/config", "/sub", "/", "/plain.txt", "/readme.txt", "/open/config",
		"/out.txt", "/far.txt", "/fifo.txt", "/none.css", "/old.txt/x",
	} {
		if got, err := read(tree, name); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, docroot.ErrUnreadable) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestARootThatIsGoneIsNoMissingFile(t *testing.T) {
	dir := folder(t, "a.css", "A")
	tree := open(t, dir)
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := read(tree, "/a.css"); !errors.Is(err, docroot.ErrUnreadable) {
		t.Errorf("%v", err)
	}
	if _, err := Open(dir); !errors.Is(err, docroot.ErrUnreadable) {
		t.Errorf("opened without a folder: %v", err)
	}
}

// A deploy renames one file over the other: whoever asks meanwhile gets the one
// or the other.
func TestAFileThatIsReplacedIsFound(t *testing.T) {
	dir := folder(t, "a.css", "0")
	tree := open(t, dir)
	stop := make(chan struct{})
	var deploys sync.WaitGroup
	deploys.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			next := filepath.Join(dir, "next")
			if err := errors.Join(os.WriteFile(next, []byte(strconv.Itoa(i%10)), 0o644), os.Rename(next, filepath.Join(dir, "a.css"))); err != nil {
				t.Error(err)
				return
			}
		}
	})
	missed := 0
	for range 2000 {
		got, err := read(tree, "/a.css")
		if errors.Is(err, fs.ErrNotExist) {
			missed++ // replaced three times within one look-up
			continue
		}
		if err != nil || len(got) != 1 {
			t.Errorf("%q, %v", got, err)
			break
		}
	}
	close(stop)
	deploys.Wait()
	if missed > 20 {
		t.Errorf("missed %d of 2000", missed)
	}
}

// Properties: what is found is one of the files that are there to be served,
// however it is asked for.
func FuzzFind(f *testing.F) {
	tree := open(f, folder(f,
		"a.css", "open", "sub/b.js", "open", "index.php", "secret", ".env", "secret", "sub/.c", "secret", "x.php/y.txt", "open", "back.txt", "->.env", "here", "->.", "../out.txt", "secret",
	))
	for _, seed := range []string{"/", "/a.css", "/sub/b.js", "/here/here/sub/b.js", "/back.txt", "/here/../out.txt", "/../out.txt", "/sub//b.js", "/.env", "/x.php/y.txt", "/a.css/", "a.css", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if got, err := read(tree, name); err == nil && got != "open" {
			t.Errorf("%q: %q", name, got)
		}
	})
}

// BenchmarkFind is a file three folders down, and a path that names none.
func BenchmarkFind(b *testing.B) {
	tree := open(b, folder(b, "static/theme/css/style.css", "A"))
	for name, path := range map[string]string{"found": "/static/theme/css/style.css", "missing": "/product/12345"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f, err := tree.Find(path); err == nil {
					_ = f.Close()
				}
			}
		})
	}
}
