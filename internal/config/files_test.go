package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wantMark begins a line of a bad file that gives one expected message,
// without the name of the file.
const wantMark = "# want: "

func TestEveryBadFileGivesItsMessages(t *testing.T) {
	for _, path := range globFiles(t, "testdata/bad/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := Load(Source{Path: path})
			var all Errors
			if !errors.As(err, &all) {
				t.Fatalf("got %v, want errors", err)
			}
			got := strings.ReplaceAll(err.Error(), path+":", "")
			if want := wantedMessages(t, path); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestEveryGoodFileIsTaken(t *testing.T) {
	for _, path := range globFiles(t, "testdata/good/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if _, err := Load(Source{Path: path}); err != nil {
				t.Error(err)
			}
		})
	}
}

func globFiles(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return paths
}

func wantedMessages(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var wanted []string
	for line := range strings.SplitSeq(string(content), "\n") {
		if message, ok := strings.CutPrefix(line, wantMark); ok {
			wanted = append(wanted, message)
		}
	}
	if len(wanted) == 0 {
		t.Fatalf("%s says no %q", path, wantMark)
	}
	return strings.Join(wanted, "\n")
}
