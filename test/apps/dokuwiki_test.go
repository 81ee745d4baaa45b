package apps

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// password is the one of every user here.
const password = "correct horse battery"

// installDokuWiki copies what Debian's package has installed, and lays it out as
// its archive does: everything below one folder. It has ten pages, p0 to p9.
func installDokuWiki(t *testing.T) (root string) {
	t.Helper()
	const program, settings = "/usr/share/dokuwiki", "/etc/dokuwiki"
	if _, err := os.Stat(filepath.Join(program, "doku.php")); err != nil {
		t.Fatalf("%v; install dokuwiki: make test does", err)
	}
	root = filepath.Join(t.TempDir(), "dokuwiki")
	if out, err := exec.CommandContext(t.Context(), "cp", "-RL", program, root).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v\n%s", program, err, out)
	}
	// Debian's own: it says that the settings are in /etc.
	err := os.Remove(filepath.Join(root, "inc", "preload.php"))
	err = errors.Join(err, os.CopyFS(root, os.DirFS("testdata/dokuwiki")))
	for _, pattern := range []string{"*.conf", "*.php"} {
		names, _ := filepath.Glob(filepath.Join(settings, pattern)) // the pattern is good
		for _, name := range names {
			err = errors.Join(err, addSetting(filepath.Join(root, "conf"), name))
		}
	}
	for _, folder := range []string{"attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp"} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(root, "data", folder), 0o755))
	}
	for i := range 10 {
		err = errors.Join(err, os.WriteFile(filepath.Join(root, "data", "pages", fmt.Sprintf("p%d.txt", i)), []byte("a page\n"), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// addSetting copies a file of settings, where the test has none of that name. The
// lists of users and rights are not everybody's to read.
func addSetting(folder, name string) error {
	if strings.HasSuffix(name, ".auth.php") {
		return nil
	}
	to := filepath.Join(folder, filepath.Base(name))
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

func TestDokuWikiBehindTheGate(t *testing.T) {
	root := installDokuWiki(t)
	s := start(t, "dokuwiki.yaml", root, nil)
	v := s.visitor(t)

	// The front page sends on to the wiki's script.
	first := v.get("/")
	if first.url.Path != "/doku.php" || v.cookie("DokuWiki") == "" || !strings.Contains(first.text, "Log In") {
		t.Fatalf("%s with the cookie %q", first.url, v.cookie("DokuWiki"))
	}
	s.wantAssets(t, v, first, root)
	s.wantRefused(t, v, "/data/pages/p0.txt", "/conf/users.auth.php", "/conf/local.php", "/inc/init.php", "//inc/./init.php", "/bin/indexer.php", "/install.php", "/VERSION")

	in := v.submit(v.get("/doku.php?id=start&do=login"), "id", "dw__login", map[string]string{"u": "editor", "p": password})
	if !strings.Contains(in.text, "Ed Itor") {
		t.Fatalf("not logged in:\n%s", in.text)
	}

	// The trail of pages seen last stands in the session: each page adds to what
	// the one before it has left there.
	var targets []string
	for i := range 10 {
		targets = append(targets, fmt.Sprintf("/doku.php?id=p%d", i))
	}
	pages := s.inOrder(t, v, targets)
	s.wantOneByOne(t)
	last := pages[len(pages)-1].text
	for i, at := 0, strings.Index(last, "Trace:"); i < 10; i++ {
		next := -1
		if at >= 0 {
			next = strings.Index(last[at:], fmt.Sprintf(">p%d<", i))
		}
		if next < 0 {
			t.Fatalf("the trail has lost p%d:\n%.3000s", i, last[max(strings.Index(last, "Trace:"), 0):])
		}
		at += next
	}

	saved := v.submit(v.get("/doku.php?id=p3&do=edit"), "id", "dw__editform", map[string]string{"wikitext": "Seen **by** the gate.", "do[save]": "Save"})
	if !strings.Contains(saved.text, "Seen <strong>by</strong> the gate.") {
		t.Errorf("not saved:\n%s", saved.text)
	}

	leave := saved.find("a", "href", "~do=logout")
	if leave == nil {
		t.Fatalf("no way out:\n%s", saved.text)
	}
	out, err := saved.url.Parse(attributeOf(leave, "href"))
	if err != nil {
		t.Fatal(err)
	}
	if left := v.get(out.String()); strings.Contains(left.text, "Ed Itor") || !strings.Contains(left.text, "Log In") {
		t.Errorf("still logged in:\n%s", left.text)
	}
	if again := v.get("/doku.php?id=p3&do=edit"); again.find("form", "id", "dw__editform") != nil && again.find("button", "name", "do[save]") != nil {
		t.Error("whoever is logged out may still edit")
	}
	s.wantStage(t, "/doku.php", "done")
}
