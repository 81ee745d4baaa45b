package gatetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binaryDir is where the program is; "" before it is built.
var binaryDir string

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sessiongate-test-")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	path := filepath.Join(dir, "sessiongate")
	out, err := exec.Command("go", "build", "-o", path, "github.com/sessiongate/sessiongate/cmd/sessiongate").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, os.Chmod(dir, 0o755) //nolint:gosec // other users are to run it
})

// Binary is the path of the program, as it is in the source tree.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// RemoveBinary removes what Binary has built, if anything. No test may be running.
func RemoveBinary() {
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir) // a temporary folder
	}
}
