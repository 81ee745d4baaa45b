package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestThePageForRefusalsIsTriedOut(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	for _, c := range []struct{ content, mistake, warning string }{
		{"<title>{{.Title}}</title>{{.Reload}}", "", ""},
		{"{{.Title}}", "", "refusals.page_file: " + file + " has no {{.Reload}}: it does not come again by itself"},
		{"<p>\n{{.Titel}}", "refusals.page_file: " + file + ":2: <.Titel>: there is no .Titel; there are .Status", ""},
		{"<p>\n{{if .Title}", "refusals.page_file: " + file + ":2: ", ""},
		{"", "refusals.page_file: " + file + " is empty", ""},
		{strings.Repeat("x", 1<<20), "refusals.page_file: " + file + " is larger than 256 KiB", ""},
	} {
		write(t, file, c.content, 0o600)
		cfg := Defaults()
		cfg.Spool.Dir, cfg.Refusals.PageFile = dir, file
		mistakes, warnings := CheckFiles(cfg)
		if !strings.HasPrefix(mistakes.Error(), c.mistake) || (c.mistake == "") != (len(mistakes) == 0) {
			t.Errorf("%.40q: got %q, want %q", c.content, mistakes, c.mistake)
		}
		if got := warnings.Error(); c.warning != "" && !strings.Contains(got, c.warning) || c.warning == "" && strings.Contains(got, "page_file") {
			t.Errorf("%.40q: got the warnings %q, want %q", c.content, got, c.warning)
		}
	}
}

func TestAPageThatCannotBeReadIsAMistake(t *testing.T) {
	dir := t.TempDir()
	for file, want := range map[string]string{
		dir + "/none.html": "refusals.page_file: " + dir + "/none.html does not exist",
		dir:                "refusals.page_file: " + dir + " is a folder, want a file",
	} {
		if _, err := (Refusals{PageFile: file}).Page(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
