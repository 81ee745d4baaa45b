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
	got := owner.Of(path)
	if !strings.HasPrefix(got, "it belongs to "+owner.Me()+":") || !strings.HasSuffix(got, "mode 0640") {
		t.Fatalf("Of: %q", got)
	}
	if group := owner.Group(path); group == "" || !strings.Contains(got, ":"+group+",") {
		t.Fatalf("Group: %q, in %q", group, got)
	}
	if got := owner.Of(path + "/below"); got != "a folder above it is closed to this user" {
		t.Fatalf("Of a path that cannot be looked at: %q", got)
	}
}
