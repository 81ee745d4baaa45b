package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What serve and a reload refuse, check refuses with the same words.
func TestCheckOpensTheLocalRoot(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sg-root-") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	root, file := filepath.Join(dir, "www"), filepath.Join(dir, "config.yaml")
	yaml := fmt.Sprintf("server: {listen: '127.0.0.1:0'}\nadmin: {listen: '127.0.0.1:0'}\nupstreams: [{name: php, servers: [{address: '127.0.0.1:9000'}], root: /x, local_root: %q, script: try}]\n", root)
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(root, 0o755), os.WriteFile(file, []byte(yaml), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(verb ...string) (string, int) {
		cmd := command(t, append(verb, "-c", file)...)
		asNobody(cmd)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	if said, code := check("check", "--quiet"); code != 0 {
		t.Fatalf("open: exit code %d, %s", code, said)
	}
	for _, mode := range []os.FileMode{0o600, 0o644, 0o711} {
		if os.Geteuid() != 0 {
			mode &^= 0o077
			mode &^= 0o500
		}
		if err := os.Chmod(root, mode); err != nil {
			t.Fatal(err)
		}
		for _, verb := range [][]string{{"check", "--quiet"}, {"serve"}} {
			said, code := check(verb...)
			want := fmt.Sprintf("upstreams[0].local_root: %s may not be opened by user ", root)
			if code != 1 || !strings.Contains(said, want) || !strings.Contains(said, fmt.Sprintf("has the mode %04o", mode)) {
				t.Errorf("%s, mode %04o: exit code %d, %s", verb[0], mode, code, said)
			}
		}
	}
}
