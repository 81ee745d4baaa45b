package owner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/owner"
)

func TestOwnerAndModeAreNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	me := strings.TrimPrefix(owner.Me(), "user ")
	got := owner.Of(path)
	if !strings.HasPrefix(got, "it belongs to "+me+":") || !strings.HasSuffix(got, "and has the mode 0640") {
		t.Fatalf("Of: %q", got)
	}
	below := owner.Of(filepath.Join(path, "below"))
	if want := "the folder " + path + " is closed: " + got; below != want {
		t.Fatalf("Of a path that cannot be looked at: %q, want %q", below, want)
	}
}
