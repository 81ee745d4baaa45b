package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFileSystemsThatIgnoreCaseAreFoundOut(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"index.php", "123", "Both", "BOTH"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	strict := func(name string) (fs.FileInfo, error) { return os.Lstat(filepath.Join(dir, name)) }
	lax := func(name string) (fs.FileInfo, error) { return strict(strings.ToLower(name)) }
	for _, tt := range []struct {
		names     []string
		lax, want bool
	}{
		{[]string{"index.php"}, false, false},
		{[]string{"index.php"}, true, true},
		{[]string{"123", "index.php"}, true, true},
		{[]string{"gone.php", "index.php"}, true, true},
		{[]string{"Both", "BOTH"}, false, false},
		{[]string{"123"}, true, false},
		{nil, true, false},
	} {
		lstat := strict
		if tt.lax {
			lstat = lax
		}
		if got := ignoresCase(tt.names, lstat); got != tt.want {
			t.Errorf("%v, ignored %v: %v", tt.names, tt.lax, got)
		}
	}
}
