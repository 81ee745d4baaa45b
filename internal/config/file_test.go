package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/owner"
)

func TestAFileThatCannotBeReadIsNamedWithTheReason(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): filepath.Join(dir, "none.yaml") + " does not exist",
		dir:                             dir + " is a folder, want a file",
		large:                           large + " is larger than 4 MiB: no configuration",
	} {
		if _, err := Load(Source{Path: path}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAClosedFileIsNamedWithOwnerAndMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := unreadable(path, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission})
	want := fmt.Sprintf("%s may not be opened by %s; it belongs to ", path, owner.Me())
	if !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), " and has the mode 0600") {
		t.Errorf("got %s", err)
	}
}

func TestAliasesToAliasesEnd(t *testing.T) {
	many := "rules:\n  - match: {path: &p [" + strings.Repeat("/a, ", 1000) + "/a]}\n" + strings.Repeat("  - match: {path: *p}\n", 200)
	for name, content := range map[string]string{
		"wide":  many,
		"merge": "lock: &a\n  <<: *a\n",
		"deep":  "lock: &a\n  <<: [*a, *a, *a, *a]\n",
	} {
		if _, err := load(Source{Path: "gate.yaml"}, []byte(content)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
