package apps

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// wordPressPlugin takes the must-use plugin out of docs/php.md.
func wordPressPlugin(t *testing.T) (path string) {
	t.Helper()
	content, err := os.ReadFile("../../docs/php.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(content), "```php\n<?php\nadd_filter('http_request_args'")
	code, _, closed := strings.Cut(code, "```")
	if !found || !closed {
		t.Fatal("the page does not have the plugin: it is not read as it is written")
	}
	path = filepath.Join(t.TempDir(), "sessiongate.php")
	if err := os.WriteFile(path, []byte("<?php\nadd_filter('http_request_args'"+code), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestThePluginForWordPressPassesTheTokenOn runs the plugin without WordPress, which
// needs a database. What waits for its answer runs under the turn of its page; what
// nobody waits for would never run with the session, and is sent without it.
func TestThePluginForWordPressPassesTheTokenOn(t *testing.T) {
	const page, elsewhere = "https://shop.example/wp-admin/admin-ajax.php", "https://elsewhere.example/"
	type request struct {
		Token   string         `json:"token"`
		URL     string         `json:"url"`
		Objects bool           `json:"objects"`
		Args    map[string]any `json:"args"`
		Plugin  string         `json:"plugin"`
	}
	type result struct{ Token, Cookies string }
	plugin := wordPressPlugin(t)
	for name, c := range map[string]struct {
		token, url        string
		blocking, objects bool
		want              result
	}{
		"somebody waits":                   {"t", page, true, false, result{"t", "PHPSESSID wordpress_logged_in"}},
		"nobody waits":                     {"t", page, false, false, result{"", "wordpress_logged_in"}},
		"nobody waits, cookies as objects": {"t", page, false, true, result{"", "wordpress_logged_in"}},
		"another site":                     {"t", elsewhere, true, false, result{"", "PHPSESSID wordpress_logged_in"}},
		"another site, nobody waits":       {"t", elsewhere, false, false, result{"", "PHPSESSID wordpress_logged_in"}},
		"no gate":                          {"", page, true, false, result{"", "PHPSESSID wordpress_logged_in"}},
		"no gate, nobody waits":            {"", page, false, false, result{"", "PHPSESSID wordpress_logged_in"}},
	} {
		in, err := json.Marshal(request{Token: c.token, URL: c.url, Objects: c.objects, Plugin: plugin, Args: map[string]any{
			"blocking": c.blocking, "headers": map[string]string{}, "cookies": map[string]string{"PHPSESSID": "s", "wordpress_logged_in": "u"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		php := exec.CommandContext(t.Context(), "php", "-d", "display_errors=stderr", "testdata/wordpress/request.php")
		php.Stdin = bytes.NewReader(in)
		out, err := php.Output()
		var got result
		if err == nil {
			err = json.Unmarshal(out, &got)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v\n%s", name, got, err, c.want, out)
		}
	}
}
