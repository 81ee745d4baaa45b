package fastcgi

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// tree makes a document root with the given files; a name that ends in "/" is a
// folder, "a -> b" a symlink.
func tree(t testing.TB, files ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	for _, file := range files {
		name, target, isLink := strings.Cut(file, " -> ")
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(target, path)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func resolver(t testing.TB, mode ScriptMode, root string) *Resolver {
	t.Helper()
	r, err := NewResolver(mode, "", root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func resolve(t *testing.T, r *Resolver, escaped string) (Script, error) {
	t.Helper()
	u, err := url.ParseRequestURI(escaped)
	if err != nil {
		t.Fatal(err)
	}
	return r.Resolve(u.Path, u.EscapedPath())
}

func TestFrontAlwaysRunsTheIndexScript(t *testing.T) {
	r := resolver(t, ScriptFront, "")
	for path, info := range map[string]string{
		"/": "", "/a/b": "", "/index.php": "", "/index.php/a/b": "/a/b", "/index.php/": "/", "/index.phpx/a": "",
		"/INDEX.PHP/a": "", "/other.php/a": "", "/index.php/../x": "", "/index.php/a%2fb": "", "/index.php/a%0ab": "", "/index.php/a%20b": "/a b",
	} {
		if script, err := resolve(t, r, path); err != nil || script != (Script{Name: "/index.php", PathInfo: info}) {
			t.Errorf("%s: %+v, %v", path, script, err)
		}
	}
}

var pages = []string{
	"index.php", "info.php", "blog/index.php", "blog/post.php", "empty/", "dir.php/inner.php", "a.php", "a.php5", "UPPER.PHP", "style.css",
	".hidden.php", ".git/x.php", ".well-known/index.php", "inside.php -> blog/post.php", "outside.php -> /etc/hostname", "up.php -> ../secret.php",
	"loop.php -> loop.php", "../secret.php", "ü.php", "İ.php", "in.phpx/y.php",
}

func TestScriptOfAPath(t *testing.T) {
	root := tree(t, pages...)
	try, path := resolver(t, ScriptTry, root), resolver(t, ScriptPath, root)
	front := Script{Name: "/index.php"}
	for target, want := range map[string]Script{
		"/info.php":                              {Name: "/info.php", PathInfo: ""},
		"/info.php/":                             {Name: "/info.php", PathInfo: "/"},
		"/info.php/a/b.php/c":                    {Name: "/info.php", PathInfo: "/a/b.php/c"},
		"//info.php":                             {Name: "/info.php", PathInfo: ""},
		"/./blog//post.php//x/./y":               {Name: "/blog/post.php", PathInfo: "//x/./y"},
		"/dir.php/inner.php/x":                   {Name: "/dir.php/inner.php", PathInfo: "/x"},
		"/in.phpx/y.php":                         {Name: "/in.phpx/y.php", PathInfo: ""},
		"/inside.php":                            {Name: "/inside.php", PathInfo: ""},
		"/%C3%BC.php":                            {Name: "/ü.php", PathInfo: ""},
		"/%69nfo.php":                            {Name: "/info.php", PathInfo: ""},
		"/none.php":                              front,
		"/style.css":                             front,
		"/style.css/x.php":                       front,
		"/info.php5":                             front,
		"/a.php5":                                front,
		"/info.PHP":                              front,
		"/upper.php":                             front,
		"/UPPER.PHP":                             front,
		"/i.php":                                 front, // not by folding İ
		"/.hidden.php":                           front,
		"/.git/x.php":                            front,
		"/.git//x.php":                           front,
		"/.well-known/":                          front,
		"/outside.php":                           front,
		"/up.php":                                front,
		"/loop.php":                              front,
		"/../secret.php":                         front,
		"/blog/../info.php":                      front,
		"/blog/..":                               front,
		"/%2e%2e/secret.php":                     front,
		"/blog%2fpost.php":                       front,
		"/blog%5cpost.php":                       front,
		"/info.php%00":                           front,
		"/info.php%00.jpg":                       front,
		"/info.php%0a":                           front,
		"/info.php/%2F":                          front,
		"/.php":                                  front,
		"/" + strings.Repeat("x", 5000) + ".php": front,
	} {
		if script, err := resolve(t, try, target); err != nil || script != want {
			t.Errorf("try %.80s: %+v, %v, want %+v", target, script, err, want)
		}
		script, err := resolve(t, path, target)
		if want == front && !errors.Is(err, ErrNoScript) || want != front && (err != nil || script != want) {
			t.Errorf("path %.80s: %+v, %v, want %+v", target, script, err, want)
		}
	}
}

func TestTryRunsTheIndexOfAFolder(t *testing.T) {
	root := tree(t, pages...)
	r := resolver(t, ScriptTry, root)
	for target, want := range map[string]string{
		"/": "/index.php", "/blog": "/blog/index.php", "/blog/": "/blog/index.php", "/blog//": "/blog/index.php",
		"/empty/": "/index.php", "/none/": "/index.php", "/dir.php/": "/index.php",
	} {
		if script, err := resolve(t, r, target); err != nil || script != (Script{Name: want, Folder: target == "/blog"}) {
			t.Errorf("%s: %+v, %v, want %s", target, script, err, want)
		}
	}
	if _, err := resolve(t, resolver(t, ScriptPath, root), "/blog/"); !errors.Is(err, ErrNoScript) {
		t.Errorf("path mode runs a folder's index: %v", err)
	}
}

// A deploy moves the symlink; the requests after it see the new release, and
// those that run beside it fail in no way.
func TestMovedRootIsReopened(t *testing.T) {
	base := tree(t, "1/old.php", "1/same.php", "2/new.php", "2/same.php")
	current := filepath.Join(base, "current")
	point := func(release string) {
		if err := os.Symlink(release, current+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(current+".new", current); err != nil {
			t.Fatal(err)
		}
	}
	point("1")
	r := resolver(t, ScriptPath, current)
	stop := make(chan struct{})
	var beside sync.WaitGroup
	for range 2 {
		beside.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := r.Resolve("/same.php", "/same.php"); err != nil {
					t.Errorf("during a deploy: %v", err)
					return
				}
			}
		})
	}
	for range 20 {
		point("2")
		if _, err := resolve(t, r, "/new.php"); err != nil {
			t.Errorf("after the deploy: %v", err)
		}
		if _, err := resolve(t, r, "/old.php"); !errors.Is(err, ErrNoScript) {
			t.Errorf("the old release is still seen: %v", err)
		}
		point("1")
		if _, err := resolve(t, r, "/old.php"); err != nil {
			t.Errorf("after going back: %v", err)
		}
	}
	close(stop)
	beside.Wait()
	if err := os.Remove(current); err != nil {
		t.Fatal(err)
	}
	if _, err := resolve(t, r, "/old.php"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a root: %v", err)
	}
}

func TestResolverSettingsAreChecked(t *testing.T) {
	for name, build := range map[string]func() (*Resolver, error){
		"mode":          func() (*Resolver, error) { return NewResolver("all", "", "") },
		"no local root": func() (*Resolver, error) { return NewResolver(ScriptTry, "", "") },
		"missing root":  func() (*Resolver, error) { return NewResolver(ScriptTry, "", "/none/such") },
		"index":         func() (*Resolver, error) { return NewResolver(ScriptFront, "index.php", "") },
		"index folder":  func() (*Resolver, error) { return NewResolver(ScriptFront, "/a/../index.php", "") },
	} {
		if _, err := build(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Properties: what runs is one of the scripts that are there, never hidden, and
// its name and PATH_INFO are the path again but for "//" and "/./".
func FuzzResolve(f *testing.F) {
	for _, seed := range []string{"/", "/info.php/x", "/../secret.php", "/.git/x.php", "/dir.php//inner.php/.", "/info.php\x00", "/a.php.php/", "/outside.php"} {
		f.Add(seed)
	}
	root := tree(f, pages...)
	r := resolver(f, ScriptPath, root)
	scripts := map[string]bool{
		"/index.php": true, "/info.php": true, "/blog/index.php": true, "/blog/post.php": true,
		"/dir.php/inner.php": true, "/a.php": true, "/inside.php": true, "/ü.php": true, "/İ.php": true, "/in.phpx/y.php": true,
	}
	f.Fuzz(func(t *testing.T, path string) {
		script, err := r.Resolve(path, (&url.URL{Path: path}).EscapedPath())
		if err != nil {
			return
		}
		if !scripts[script.Name] {
			t.Errorf("%q runs %q", path, script.Name)
		}
		name, ok := strings.CutSuffix(path, script.PathInfo)
		if !ok || filepath.Clean(name) != script.Name || script.PathInfo != "" && script.PathInfo[0] != '/' {
			t.Errorf("%q: %+v", path, script)
		}
	})
}

// A path of many scripts must not cost a look at the disk for each.
func TestLooksAtTheDiskAreBounded(t *testing.T) {
	r := resolver(t, ScriptPath, tree(t, strings.Repeat("a.php/", maxCandidates-1)+"x.php", strings.Repeat("b.php/", maxCandidates)+"x.php"))
	last := "/" + strings.Repeat("a.php/", maxCandidates-1) + "x.php"
	if script, err := resolve(t, r, last); err != nil || script.Name != last {
		t.Errorf("the last place that counts: %+v, %v", script, err)
	}
	if script, err := resolve(t, r, "/"+strings.Repeat("b.php/", maxCandidates)+"x.php"); !errors.Is(err, ErrNoScript) {
		t.Errorf("a place beyond: %+v, %v", script, err)
	}
}
