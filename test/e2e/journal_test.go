package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// journal is the file in which pages write down when they began and ended.
type journal string

func newJournal(t *testing.T) journal {
	t.Helper()
	return journal(filepath.Join(t.TempDir(), "journal"))
}

// page is the path of a page that writes to the journal under an id. args are
// more query arguments, "ms=20".
func (j journal) page(name, id string, args ...string) string {
	path := fmt.Sprintf("/%s.php?journal=%s&id=%s", name, url.QueryEscape(string(j)), id)
	for _, arg := range args {
		path += "&" + arg
	}
	return path
}

// words are the lines so far, each as "begin a".
func (j journal) words(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(string(j))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(string(content)) {
		if !strings.HasSuffix(line, "\n") {
			break // being written
		}
		fields := strings.Fields(line)
		words = append(words, fields[0]+" "+fields[1])
	}
	return words
}

// await waits for a line.
func (j journal) await(t *testing.T, word string) {
	t.Helper()
	eventually(t, func() bool { return j.has(t, word) },
		func() string { return fmt.Sprintf("PHP's journal has no %q: %q", word, j.words(t)) })
}

func (j journal) has(t *testing.T, word string) bool {
	t.Helper()
	for _, w := range j.words(t) {
		if w == word {
			return true
		}
	}
	return false
}

// begun are the ids in the order in which PHP began them.
func (j journal) begun(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, w := range j.words(t) {
		if id, ok := strings.CutPrefix(w, "begin "); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// mostAtOnce is how many of the pages whose ids match ran at the same time.
func (j journal) mostAtOnce(t *testing.T, match func(id string) bool) int {
	t.Helper()
	running, most := 0, 0
	for _, w := range j.words(t) {
		word, id, _ := strings.Cut(w, " ")
		switch {
		case !match(id):
		case word == "begin":
			running++
			most = max(most, running)
		case word == "end":
			running--
		}
	}
	return most
}

// barrierFile is a file for which until.php waits.
type barrierFile string

func newBarrier(t *testing.T) barrierFile {
	t.Helper()
	b := barrierFile(filepath.Join(t.TempDir(), "go-on"))
	t.Cleanup(func() { b.lift(t) })
	return b
}

// lift lets the pages that wait for it end.
func (b barrierFile) lift(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(string(b), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// page is until.php with this file and a journal.
func (b barrierFile) page(j journal, id string, args ...string) string {
	return b.pageOf("until", j, id, args...)
}

// pageOf is another page that waits for the file.
func (b barrierFile) pageOf(name string, j journal, id string, args ...string) string {
	return j.page(name, id, append(args, "until="+url.QueryEscape(string(b)))...)
}
