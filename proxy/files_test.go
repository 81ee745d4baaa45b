package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/files"
)

// withFiles gives the bench's upstream a document root; every file holds
// "file:" and its name. It returns the root.
func (b *bench) withFiles(names ...string) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "root")
	for _, name := range names {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte("file:"+name), 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	tree, err := files.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := tree.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			b.Error(err)
		}
	})
	b.upstream().Files = tree
	b.upstream().IndexScript = "/index.php"
	return dir
}

// ask sends a request of the session "abc" and waits for its answer.
func (b *bench) ask(method, target string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(b.Context(), method, target, body)
	r.Header.Set("Cookie", "PHPSESSID=abc")
	w := httptest.NewRecorder()
	b.gate.ServeHTTP(w, r)
	return w
}

// phpSays plays an application that answers each request with its target.
func phpSays(r *http.Request) (*http.Response, error) {
	return answer(strings.NewReader("php:" + r.URL.RequestURI())), nil
}

func TestWhichRequestsAreServedFromFiles(t *testing.T) {
	b := newBench(t, phpSays)
	b.withFiles("a.css", "sub/b.js", "index.php", "a.php", "b c.txt", "ü.txt", "%2f.txt", ".well-known/x")
	for target, want := range map[string]string{
		"/a.css":          "file:a.css",
		"/a.css?v=1;x":    "file:a.css",
		"/%61.css":        "file:a.css",
		"//sub//./b.js":   "file:sub/b.js",
		"/b%20c.txt":      "file:b c.txt",
		"/%C3%BC.txt":     "file:ü.txt",
		"/%252f.txt":      "file:%2f.txt",
		"/.well-known/x":  "file:.well-known/x",
		"/":               "php:/",
		"/a.css/":         "php:/a.css/",
		"/a.css/x":        "php:/a.css/x",
		"/sub":            "php:/sub",
		"/sub/":           "php:/sub/",
		"/a.php":          "php:/a.php",
		"/index.php":      "php:/index.php",
		"/none.css":       "php:/none.css",
		"/A.CSS":          "php:/A.CSS",
		"/a.css.":         "php:/a.css.",
		"/a.css%20":       "php:/a.css%20",
		"/a.css%0a":       "php:/a.css%0a",
		"/sub%2fb.js":     "php:/sub%2fb.js",
		"/sub%2Fb.js":     "php:/sub%2Fb.js",
		"/sub%5cb.js":     "php:/sub%5cb.js",
		"/sub/../a.css":   "php:/sub/../a.css",
		"/%2e%2e/a.css":   "php:/%2e%2e/a.css",
		"/index.php/../a": "php:/index.php/../a",
		// Rules see this one as /a.css: no second way to the file.
		"/index.php/a.css": "php:/index.php/a.css",
	} {
		if got := b.ask("GET", target, nil); got.Code != 200 || got.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", target, got.Code, got.Body, want)
		}
	}
	b.want("NUL", b.ask("GET", "/a.css%00", nil).Code, 400)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if got := b.ask(method, "/a.css", nil); got.Body.String() != "php:/a.css" {
			t.Errorf("%s: %d %q", method, got.Code, got.Body)
		}
	}
	if got := b.ask("GET", "/a.css", strings.NewReader("a body")); got.Body.String() != "php:/a.css" {
		t.Errorf("GET with a body: %d %q", got.Code, got.Body)
	}
	if got := b.ask("HEAD", "/a.css", nil); got.Code != 200 || got.Body.Len() != 0 || got.Header().Get("Content-Length") != "10" {
		t.Errorf("HEAD: %d %q %v", got.Code, got.Body, got.Header())
	}
}

func TestAFileTakesNoTurnAndNoPlaceInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.MaxWaiting = 1 })
		b.withFiles("a.css")
		one, other := b.send("GET", ""), b.send("GET", "")
		synctest.Wait()
		b.want("in line", b.locks.Waiting(), 1)
		b.want("one too many", b.ask("GET", "/page", nil).Code, http.StatusTooManyRequests)
		if got := b.ask("GET", "/a.css", nil); got.Code != 200 || got.Body.String() != "file:a.css" {
			t.Errorf("a file: %d %q", got.Code, got.Body)
		}
		s.let(ok("page"))
		synctest.Wait()
		s.let(ok("page"))
		<-one.done
		<-other.done
	})
}

func TestRulesHoldForFiles(t *testing.T) {
	b := newBench(t, phpSays)
	b.withFiles("a.css", "private/b.css")
	set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php"}, []rules.Rule{
		{Name: "private", Match: rules.Match{Path: []string{"/private/**"}}, Reject: new(true), Status: new(403)},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.useRules(set)
	b.want("a file", b.ask("GET", "/a.css", nil).Code, 200)
	for _, target := range []string{"/private/b.css", "//private/./b.css", "/%70rivate/b.css", "/x/../private/b.css", "/index.php/private/b.css", "/private%2fb.css"} {
		if got := b.ask("GET", target, nil); got.Code != 403 {
			t.Errorf("%s: %d %q", target, got.Code, got.Body)
		}
	}
}

func TestADocumentRootThatIsGoneIsAnUpstreamError(t *testing.T) {
	b := newBench(t, phpSays)
	dir := b.withFiles("a.css")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if got := b.ask("GET", "/a.css", nil); got.Code != 502 || !strings.Contains(got.Body.String(), "upstream_error") {
		t.Errorf("%d %q", got.Code, got.Body)
	}
	if log := b.log.String(); !strings.Contains(log, `"stage":"files"`) || !strings.Contains(log, `"level":"warn"`) {
		t.Errorf("log %s", log)
	}
}

func TestAFileIsAccountedFor(t *testing.T) {
	b := newBench(t, phpSays)
	b.withFiles("a.css")
	got := b.ask("GET", "/a.css", nil)
	if got.Header().Get("X-Request-Id") == "" {
		t.Errorf("no id: %v", got.Header())
	}
	for _, field := range []string{`"status":200`, `"bytes":10`, `"stage":"files"`, `"path":"/a.css"`} {
		if !strings.Contains(b.log.String(), field) {
			t.Errorf("no %s in %s", field, b.log)
		}
	}
}
