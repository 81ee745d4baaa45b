package files

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var longAgo = time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)

// serve asks for a file; header names and values in turns.
func serve(t *testing.T, tree *Tree, method, name string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, name, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	f, err := tree.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	w := httptest.NewRecorder()
	f.Serve(w, r)
	return w
}

// settled is a tree whose files were written long ago.
func settled(t *testing.T, entries ...string) *Tree {
	t.Helper()
	dir := folder(t, entries...)
	for i := 0; i < len(entries); i += 2 {
		if err := os.Chtimes(filepath.Join(dir, entries[i]), longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, dir)
}

func TestAFileIsServedWithItsHeaders(t *testing.T) {
	tree := settled(t, "a.css", "0123456789")
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		w := serve(t, tree, method, "/a.css")
		for name, want := range map[string]string{
			"Content-Type": "text/css", "Content-Length": "10", "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes",
			"Last-Modified": "Mon, 06 May 2024 07:08:09 GMT", "Etag": `"d12df50r1dsl-a"`,
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %q, want %q", method, name, got, want)
			}
		}
		if body := w.Body.String(); w.Code != 200 || method == http.MethodGet && body != "0123456789" || method == http.MethodHead && body != "" {
			t.Errorf("%s: %d %q", method, w.Code, body)
		}
	}
}

func TestTypesComeFromTheTable(t *testing.T) {
	for name, want := range map[string]string{
		"/a.css": "text/css", "/A.CSS": "text/css", "/a.min.js": "text/javascript", "/m.mjs": "text/javascript", "/a.svg": "image/svg+xml",
		"/f.woff2": "font/woff2", "/a.html": "text/html", "/a.json": "application/json", "/a.webp": "image/webp",
		"/LICENSE": unknownType, "/a.unknown": unknownType, "/a.css.": unknownType, "/a.css/b": unknownType, "/html": unknownType,
	} {
		if got := typeOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	// Not from the content, not from the machine.
	tree := settled(t, "upload.unknown", "<html><script>alert(1)</script>")
	if got := serve(t, tree, http.MethodGet, "/upload.unknown").Header().Get("Content-Type"); got != unknownType {
		t.Errorf("HTML in disguise: %s", got)
	}
}

func TestConditionsAndRanges(t *testing.T) {
	tree := settled(t, "a.txt", "0123456789", "empty.txt", "")
	tag := serve(t, tree, http.MethodGet, "/a.txt").Header().Get("Etag")
	const date, before = "Mon, 06 May 2024 07:08:09 GMT", "Mon, 06 May 2024 07:08:08 GMT"
	many := "bytes=0-0" + strings.Repeat(",2-2", maxRanges)
	for name, test := range map[string]struct {
		method, path string
		header       []string
		status       int
		body         string
	}{
		"has it, by tag":                       {"GET", "/a.txt", []string{"If-None-Match", tag}, 304, ""},
		"has it, by one of its tags":           {"GET", "/a.txt", []string{"If-None-Match", `"x", W/` + tag}, 304, ""},
		"has another":                          {"GET", "/a.txt", []string{"If-None-Match", `"x"`}, 200, "0123456789"},
		"has any":                              {"HEAD", "/a.txt", []string{"If-None-Match", "*"}, 304, ""},
		"the tag counts before the time":       {"GET", "/a.txt", []string{"If-None-Match", `"x"`, "If-Modified-Since", date}, 200, "0123456789"},
		"has it, by time":                      {"GET", "/a.txt", []string{"If-Modified-Since", date}, 304, ""},
		"has an older one":                     {"GET", "/a.txt", []string{"If-Modified-Since", before}, 200, "0123456789"},
		"wants this one":                       {"GET", "/a.txt", []string{"If-Match", tag}, 200, "0123456789"},
		"wants another":                        {"GET", "/a.txt", []string{"If-Match", `"x"`}, 412, ""},
		"wants one not newer":                  {"GET", "/a.txt", []string{"If-Unmodified-Since", before}, 412, ""},
		"a part":                               {"GET", "/a.txt", []string{"Range", "bytes=2-4"}, 206, "234"},
		"the end":                              {"GET", "/a.txt", []string{"Range", "bytes=-3"}, 206, "789"},
		"from the middle":                      {"GET", "/a.txt", []string{"Range", "bytes=7-"}, 206, "789"},
		"beyond the end":                       {"GET", "/a.txt", []string{"Range", "bytes=5-99"}, 206, "56789"},
		"behind the end":                       {"GET", "/a.txt", []string{"Range", "bytes=10-"}, 416, "invalid range: failed to overlap\n"},
		"not a range":                          {"GET", "/a.txt", []string{"Range", "bytes=x"}, 416, "invalid range\n"},
		"beyond every number":                  {"GET", "/a.txt", []string{"Range", "bytes=5-99999999999999999999"}, 206, "56789"},
		"behind every number":                  {"GET", "/a.txt", []string{"Range", "bytes=99999999999999999999-"}, 416, "invalid range: failed to overlap\n"},
		"more of the end than there is":        {"GET", "/a.txt", []string{"Range", "bytes=-99999999999999999999"}, 206, "0123456789"},
		"one part, and one behind it":          {"GET", "/a.txt", []string{"Range", "bytes=1-2, 99999999999999999999-"}, 206, "12"},
		"nothing of the end":                   {"GET", "/a.txt", []string{"Range", "bytes=-0"}, 416, "invalid range: failed to overlap\n"},
		"nothing of the end, and a part":       {"GET", "/a.txt", []string{"Range", "bytes=-00 , -0,1-2"}, 206, "12"},
		"a unit in capitals":                   {"GET", "/a.txt", []string{"Range", "BYTES=2-4"}, 206, "234"},
		"many zeros":                           {"GET", "/a.txt", []string{"Range", "bytes=-0000000000000000000000000003"}, 206, "789"},
		"a large number that is none":          {"GET", "/a.txt", []string{"Range", "bytes=0-99999999999999999999x"}, 416, "invalid range\n"},
		"another unit":                         {"GET", "/a.txt", []string{"Range", "lines=1-2"}, 200, "0123456789"},
		"more ranges than anybody needs":       {"GET", "/a.txt", []string{"Range", many}, 200, "0123456789"},
		"ranges that are more than the whole":  {"GET", "/a.txt", []string{"Range", "bytes=0-9,0-9"}, 200, "0123456789"},
		"a range of HEAD":                      {"HEAD", "/a.txt", []string{"Range", "bytes=2-4"}, 200, ""},
		"a range of nothing":                   {"GET", "/empty.txt", []string{"Range", "bytes=0-"}, 200, ""},
		"a part of what it has":                {"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", tag}, 206, "234"},
		"a part of another":                    {"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", `"x"`}, 200, "0123456789"},
		"a part of what it weakly has":         {"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", "W/" + tag}, 200, "0123456789"},
		"a part of what it has, by time":       {"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", date}, 206, "234"},
		"a part of what it had before by time": {"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", before}, 200, "0123456789"},
	} {
		w := serve(t, tree, test.method, test.path, test.header...)
		if w.Code != test.status || w.Body.String() != test.body {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, test.status, test.body)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: may be sniffed", name)
		}
	}
}

func TestTwoRangesComeInParts(t *testing.T) {
	tree := settled(t, "a.txt", "0123456789")
	w := serve(t, tree, http.MethodGet, "/a.txt", "Range", "bytes=0-1,8-9")
	body := w.Body.String()
	if w.Code != 206 || !strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/byteranges; boundary=") ||
		!strings.Contains(body, "Content-Range: bytes 0-1/10\r\nContent-Type: text/plain\r\n\r\n01\r\n") ||
		!strings.Contains(body, "Content-Range: bytes 8-9/10\r\nContent-Type: text/plain\r\n\r\n89\r\n") {
		t.Errorf("%d %v %q", w.Code, w.Header(), body)
	}
}

// A file that was written a moment ago may be written again without its time or
// size telling: its tag must not vouch for bytes.
func TestTheTagOfAFreshFileIsWeak(t *testing.T) {
	f := &File{size: 10, modified: longAgo}
	strong := f.tag(longAgo.Add(unsettled))
	if weak := f.tag(longAgo.Add(unsettled - 1)); weak != "W/"+strong {
		t.Errorf("fresh: %s, settled: %s", weak, strong)
	}
	if ahead := f.tag(longAgo.Add(-time.Hour)); ahead != "W/"+strong {
		t.Errorf("from the future: %s", ahead)
	}
	for _, other := range []*File{{size: 11, modified: longAgo}, {size: 10, modified: longAgo.Add(1)}} {
		if other.tag(time.Now()) == strong {
			t.Errorf("%+v has the tag of another", other)
		}
	}
}

func TestLastModifiedIsNeverLaterThanNow(t *testing.T) {
	dir := folder(t, "a.txt", "A")
	ahead := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "a.txt"), ahead, ahead); err != nil {
		t.Fatal(err)
	}
	got, err := http.ParseTime(serve(t, open(t, dir), http.MethodGet, "/a.txt").Header().Get("Last-Modified"))
	if err != nil || got.After(time.Now()) {
		t.Errorf("%v, %v", got, err)
	}
}
