package http

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/sessiongate/sessiongate/internal/child"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// patience is how long a test waits for what must come.
const patience = gatetest.Patience

// server is a program under test, in front of a recorder of its own.
type server struct {
	*child.Child
	address string
	backend *recorder
}

// gateConfig lets the gate close /admin and count as small what the other
// servers have settings for, too. Its limits on time are those of everybody.
const gateConfig = `
server: {listen: '127.0.0.1:0', drain_delay: 0s, max_body_size: 1MiB, trusted_proxies: [%s]}
admin: {listen: '127.0.0.1:0'}
upstreams: [{name: app, protocol: %s, servers: [{address: %q}]}]
rules: [{name: admin, match: {path: [/admin, '/admin/**']}, action: reject}]
`

// senders are where scenarios are sent from.
const senders = "127.0.0.1/32"

// startGate runs the real binary. It trusts proxies of these networks.
func startGate(t *testing.T, p protocol, trusted string) *server {
	t.Helper()
	s := &server{backend: &recorder{protocol: p}}
	file := writeFile(t, "gate.yaml", fmt.Sprintf(gateConfig, trusted, p, s.backend.listen(t)))
	s.start(t, gatetest.Binary(t), "serve", "-c", file)
	s.address = s.said(t, regexp.MustCompile(`"listen":"([^"]+)"[^\n]*"message":"serving"`))
	return s
}

func (s *server) start(t *testing.T, binary string, args ...string) {
	t.Helper()
	var err error
	if s.Child, err = child.Start(binary, args...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(binary), clip(s.Said()))
		}
	})
}

// said waits for words of the program, and returns what the pattern's first
// group has found in them.
func (s *server) said(t *testing.T, pattern *regexp.Regexp) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.WaitFor(ctx, pattern); err != nil {
		t.Fatalf("%v, waiting for %s", err, pattern)
	}
	return pattern.FindStringSubmatch(s.Said())[1]
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), fs.FileMode(0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}
