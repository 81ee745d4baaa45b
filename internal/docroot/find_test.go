package docroot

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tree makes a document root with the given files; a name that ends in "/" is a
// folder, "a -> b" a symlink. Each file holds its own name.
func tree(t testing.TB, entries ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	for _, entry := range entries {
		name, target, isLink := strings.Cut(entry, " -> ")
		at := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(strings.ReplaceAll(target, "ROOT", root), at)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(at, 0o755)
		default:
			err = os.WriteFile(at, []byte(name), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func view(t testing.TB, dir string) View {
	t.Helper()
	root, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := root.View()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.Done()
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestFindFollowsSymlinksToTheFileItself(t *testing.T) {
	v := view(t, tree(t,
		"a.css", "sub/b.css", "sub/deep/c.css", "secret/.env", "../outside.txt",
		"link.css -> a.css", "twice.css -> link.css", "down -> sub", "sub/up.css -> ../a.css", "sub/dots.css -> .././sub//deep/../b.css",
		"through -> down/deep", "harmless.txt -> secret/.env",
		"out.txt -> ../outside.txt", "far.txt -> /etc/hostname", "absolute.css -> ROOT/a.css", "sub/out -> ../..", "outandin.css -> ../root/a.css",
		"loop -> loop", "here -> .", "gone -> nothing", "folder/", "none -> sub/..",
	))
	for name, want := range map[string]string{
		"/a.css":                          "/a.css",
		"/sub/deep/c.css":                 "/sub/deep/c.css",
		"/link.css":                       "/a.css",
		"/twice.css":                      "/a.css",
		"/down/b.css":                     "/sub/b.css",
		"/down/up.css":                    "/a.css",
		"/sub/dots.css":                   "/sub/b.css",
		"/through/c.css":                  "/sub/deep/c.css",
		"/harmless.txt":                   "/secret/.env",
		"/here/here/a.css":                "/a.css",
		"/out.txt":                        "",
		"/far.txt":                        "",
		"/absolute.css":                   "",
		"/sub/out/outside.txt":            "",
		"/outandin.css":                   "",
		"/loop":                           "",
		strings.Repeat("/here", maxLinks): "",
		"/gone":                           "",
		"/folder":                         "",
		"/none":                           "",
		"/":                               "",
		"/nothing/a.css":                  "",
		"/a.css/b":                        "",
		"/A.CSS":                          "",
		"/" + strings.Repeat("x", 300):    "",
	} {
		found, err := v.Find(name)
		if found.Name != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%.60s: %q, %v, want %q", name, found.Name, err, want)
		}
	}
}

func TestOpenGivesTheFileThatWasFound(t *testing.T) {
	dir := tree(t, "a.css", "new.css", "other.css", "secret.txt")
	v := view(t, dir)
	found, err := v.Find("/a.css")
	if err != nil {
		t.Fatal(err)
	}
	f, info, err := v.Open(found)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(f)
	if err != nil || string(content) != "a.css" || info.Size() != 5 {
		t.Errorf("%q, %d bytes, %v", content, info.Size(), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}

	at := filepath.Join(dir, "a.css")
	for name, replace := range map[string]func() error{
		"another file": func() error { return os.Rename(filepath.Join(dir, "new.css"), at) },
		"a FIFO":       func() error { return errors.Join(os.Remove(at), syscall.Mkfifo(at, 0o644)) },
		"a folder":     func() error { return errors.Join(os.Remove(at), os.Mkdir(at, 0o755)) },
		"a symlink":    func() error { return errors.Join(os.Remove(at), os.Symlink("secret.txt", at)) },
		"nothing":      func() error { return os.Remove(at) },
	} {
		if err := os.RemoveAll(at); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte("a.css"), 0o644); err != nil {
			t.Fatal(err)
		}
		found, err := v.Find("/a.css")
		if err != nil {
			t.Fatal(err)
		}
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		if f, _, err := v.Open(found); !errors.Is(err, ErrReplaced) {
			t.Errorf("%s in its place: %v, %v", name, f, err)
		}
	}
}

func TestWhatIsNoRegularFileIsNotFound(t *testing.T) {
	dir := tree(t, "a.css")
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo.css"), 0o644); err != nil {
		t.Fatal(err)
	}
	socket, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(socket) }()
	t.Chdir(dir) // a socket's name has to be short
	if err := syscall.Bind(socket, &syscall.SockaddrUnix{Name: "socket.css"}); err != nil {
		t.Fatal(err)
	}
	v := view(t, dir)
	for _, name := range []string{"/fifo.css", "/socket.css"} {
		if _, err := v.Find(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A machine without descriptors must not look like one without files.
func TestFailuresOfTheMachineAreNotMissingFiles(t *testing.T) {
	for _, failure := range []error{syscall.EMFILE, syscall.EIO} {
		if err := notThere("/a.css", &fs.PathError{Op: "openat", Path: "a.css", Err: failure}); !errors.Is(err, ErrUnreadable) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: %v", failure, err)
		}
	}
	for _, missing := range []error{nil, fs.ErrNotExist, syscall.EACCES, syscall.ENOTDIR, syscall.ENAMETOOLONG} {
		if err := notThere("/a.css", missing); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrUnreadable) {
			t.Errorf("%v: %v", missing, err)
		}
	}
}

func TestPathsWithTwoReadingsAreNotPlain(t *testing.T) {
	for _, path := range [][2]string{
		{"", ""},
		{"a", "a"},
		{"/../a", "/../a"},
		{"/a/..", "/a/.."},
		{"/a/../b", "/a/%2e%2e/b"},
		{"/a\\b", "/a%5cb"},
		{"/a\x00", "/a%00"},
		{"/a\n", "/a%0a"},
		{"/a\x7f", "/a%7f"},
		{"/a/b", "/a%2fb"},
		{"/a/b", "/a%2Fb"},
	} {
		if Plain(path[0], path[1]) {
			t.Errorf("%q (%s) is plain", path[0], path[1])
		}
	}
	for _, path := range [][2]string{{"/", "/"}, {"//a/./b", "//a/./b"}, {"/...", "/..."}, {"/a..b", "/a..b"}, {"/ü b", "/%C3%BC%20b"}, {"/%2f", "/%252f"}} {
		if !Plain(path[0], path[1]) {
			t.Errorf("%q (%s) is not plain", path[0], path[1])
		}
	}
}
