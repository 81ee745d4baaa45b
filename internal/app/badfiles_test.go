package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/config"
)

// TestEveryBadFileGivesItsMessages is as in internal/config, for what only Check
// finds. CONTRIBUTING.md says how the files are made.
func TestEveryBadFileGivesItsMessages(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.SplitSeq(string(content), "\n") {
				if message, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, message)
				}
			}
			_, err = config.Load(config.Source{Path: path, Check: Check})
			var all config.Errors
			if !errors.As(err, &all) {
				t.Fatalf("got %v, want errors", err)
			}
			if got := strings.ReplaceAll(err.Error(), path+":", ""); got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
}
