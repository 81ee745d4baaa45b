package apps

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inOrder asks for pages all at once: the first one is held in PHP until all the
// others are in line behind it. It fails the test unless they began in the order
// in which they came.
func (s *site) inOrder(t *testing.T, v *visitor, targets []string) []page {
	t.Helper()
	lifted := filepath.Join(t.TempDir(), "lifted")
	type result struct {
		page page
		err  error
	}
	results := make([]chan result, len(targets))
	for i, target := range targets {
		header := []string{"X-Test-Label", fmt.Sprint(i)}
		if i == 0 {
			header = append(header, "X-Test-Until", lifted)
		}
		req := v.request(http.MethodGet, target, nil, header...)
		done := make(chan result, 1)
		results[i] = done
		go func() {
			p, err := v.send(req)
			done <- result{p, err}
		}()
		if i == 0 {
			eventually(t, "the first page runs", func() bool { return slices.Contains(s.words(t), "begin 0") })
		} else {
			eventually(t, fmt.Sprintf("%d pages in line", i), func() bool { return s.waiting(t) == float64(i) })
		}
	}
	if err := os.WriteFile(lifted, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	pages := make([]page, len(targets))
	var want, got []string
	for i, done := range results {
		got := <-done
		if got.err != nil || got.page.status != http.StatusOK {
			t.Fatalf("%s: %d, %v", targets[i], got.page.status, got.err)
		}
		pages[i] = got.page
		want = append(want, fmt.Sprintf("begin %d", i))
	}
	for _, word := range s.words(t) {
		if strings.HasPrefix(word, "begin ") {
			got = append(got, word)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("they ran in another order: %q", got)
	}
	return pages
}

// wantOneByOne fails the test unless each page ended before the next one began.
func (s *site) wantOneByOne(t *testing.T) {
	t.Helper()
	words := s.words(t)
	for i, word := range words {
		if i%2 == 1 && word != strings.Replace(words[i-1], "begin", "end", 1) {
			t.Errorf("two at once: %q", words)
		}
	}
}

// wantAssets fetches the files of the application that a page shows, and fails the
// test unless there are some and the gate itself serves them.
func (s *site) wantAssets(t *testing.T, v *visitor, p page, root string) {
	t.Helper()
	seen := 0
	for _, kind := range [][2]string{{"img", "src"}, {"link", "href"}, {"script", "src"}} {
		for node := range p.root.Descendants() {
			reference := attributeOf(node, kind[1])
			if node.Data != kind[0] || reference == "" {
				continue
			}
			at, err := p.url.Parse(reference)
			if err != nil {
				t.Fatal(err)
			}
			if at.Host != p.url.Host || filepath.Ext(at.Path) == ".php" || filepath.Ext(at.Path) == "" {
				continue
			}
			onDisk, err := os.ReadFile(filepath.Join(root, at.Path))
			if errors.Is(err, fs.ErrNotExist) {
				continue // as a favicon.ico that nobody has put there
			}
			if err != nil {
				t.Fatal(err)
			}
			seen++
			asset := v.get(at.String())
			if asset.text != string(onDisk) || asset.header.Get("Etag") == "" || asset.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %d bytes of %d, %v", at, len(asset.text), len(onDisk), asset.header)
			}
			s.wantStage(t, at.Path, "files")
		}
	}
	if seen == 0 {
		t.Errorf("%s shows no files", p.url)
	}
}

// wantRefused fails the test unless the gate keeps all these paths to itself.
func (s *site) wantRefused(t *testing.T, v *visitor, targets ...string) {
	t.Helper()
	for _, target := range targets {
		p, err := v.send(v.request(http.MethodGet, target, nil))
		if err != nil || p.status != http.StatusForbidden {
			t.Errorf("%s: %d, %v", target, p.status, err)
		}
	}
}
