package apps

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mediaWiki is where Debian's package keeps the program.
const mediaWiki = "/usr/share/mediawiki"

// installMediaWiki sets up a wiki on SQLite, with the program where it is, and
// returns the file with its settings.
func installMediaWiki(t *testing.T) (settings string) {
	t.Helper()
	installer := filepath.Join(mediaWiki, "maintenance", "install.php")
	php, err := exec.LookPath("php")
	if _, missing := os.Stat(installer); missing != nil || err != nil {
		t.Fatalf("%s, php: %v, %v; install mediawiki, php-sqlite3 and php-cli: make test does", installer, missing, err)
	}
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), php, installer, "--dbtype", "sqlite", "--dbpath", filepath.Join(dir, "db"), "--dbname", "wiki",
		"--server", host, "--scriptpath", "", "--confpath", dir, "--pass", password, "Wiki", "Editor")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", install, err, out)
	}
	settings = filepath.Join(dir, "LocalSettings.php")
	f, err := os.OpenFile(settings, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("\nwfLoadSkin( 'Vector' );\n$wgDefaultSkin = 'vector';\n$wgJobRunRate = 0;\n$wgUploadDirectory = '" + dir + "/images';\n")
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	return settings
}

func TestMediaWikiBehindTheGate(t *testing.T) {
	s := start(t, "mediawiki.yaml", mediaWiki, map[string]string{"MW_CONFIG_FILE": installMediaWiki(t)})
	v := s.visitor(t)

	first := v.get("/")
	if !strings.Contains(first.text, "MediaWiki has been installed") {
		t.Fatalf("%s:\n%s", first.url, first.text)
	}
	s.wantAssets(t, v, first, mediaWiki)
	s.wantRefused(t, v, "/includes/Setup.php", "/maintenance/install.php", "/vendor/autoload.php", "/composer.json", "/mw-config/index.php", "/%6dw-config/")

	// A log-in gives the session another id, so that nobody can have planted it.
	form := v.get("/index.php?title=Special:UserLogin")
	before := v.cookie("wiki_session")
	in := v.submit(form, "name", "userlogin", map[string]string{"wpName": "Editor", "wpPassword": password})
	after := v.cookie("wiki_session")
	if before == "" || after == "" || before == after {
		t.Errorf("session %q became %q", before, after)
	}
	if in.find("li", "id", "pt-userpage") == nil {
		t.Fatalf("not logged in:\n%s", in.text)
	}

	// The first edit form of a session makes a secret and keeps it there. Where
	// sessions lose what was written, forms made at once carry other secrets.
	var targets []string
	for i := range 10 {
		targets = append(targets, fmt.Sprintf("/index.php?title=Page_%d&action=edit", i))
	}
	// (Pages overlap in what they do after fastcgi_finish_request: by then this
	// application has saved the session.)
	pages := s.inOrder(t, v, targets)
	for i, p := range pages {
		text := fmt.Sprintf("Seen '''by''' the gate: %d.", i)
		saved := v.submit(p, "id", "editform", map[string]string{"wpTextbox1": text, "wpSave": "Save"})
		if !strings.Contains(saved.text, fmt.Sprintf("Seen <b>by</b> the gate: %d.", i)) {
			t.Errorf("page %d was not saved:\n%s", i, saved.text)
		}
	}
	// The address of a page that is no file goes to the index script.
	if short := v.get("/index.php/Page_9"); !strings.Contains(short.text, "the gate: 9.") {
		t.Errorf("PATH_INFO:\n%s", short.text)
	}

	left := v.submit(v.get("/index.php?title=Special:UserLogout"), "action", "~UserLogout", nil)
	if left.find("li", "id", "pt-userpage") != nil {
		t.Errorf("still logged in:\n%s", left.text)
	}
	if out := v.get("/index.php?title=Page_1"); out.find("li", "id", "pt-login") == nil {
		t.Errorf("no log-in is offered:\n%s", out.text)
	}
	s.wantStage(t, "/index.php", "done")
}
