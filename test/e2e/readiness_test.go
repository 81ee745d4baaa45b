package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What restarts beside the shop takes no gate out of the balancer: it would take all.
func TestASideUpstreamThatIsGoneLeavesTheGateReady(t *testing.T) {
	t.Parallel()
	live := httptest.NewServer(http.NotFoundHandler())
	defer live.Close()
	pool := startPHP(t, 1)
	g := startGate(t, "server: {ready_path: /gate-ready}", fmt.Sprintf(`
upstreams:
  - {name: php, protocol: fastcgi, servers: [{address: %q}], root: %q}
  - {name: live, protocol: http, servers: [{address: %q}]}
rules:
  - {name: live, match: {path: ["/live/**"]}, upstream: live, lock: none}
`, pool.Address(), pool.Root(), live.Listener.Addr()))
	g.awaitReady(t, http.StatusOK)
	g.get(t, "/live/x", "").want(t, http.StatusNotFound)
	live.Close()
	g.get(t, "/live/x", "").want(t, http.StatusBadGateway)
	var body string
	eventually(t, func() bool {
		var status int
		status, body = g.adminPage(t, "/readyz")
		if status != http.StatusOK {
			t.Fatalf("readyz: %d %q", status, body)
		}
		return strings.HasPrefix(body, "ready\nupstream live: ")
	}, func() string { return body })
	if a := g.get(t, "/gate-ready", "").want(t, http.StatusOK); a.body != "ready\n" {
		t.Errorf("clients are told %q", a.body)
	}
	g.get(t, "/trivial.php", "one").want(t, http.StatusOK)
}

func TestAGateThatHasLostItsLocalRootIsNotReady(t *testing.T) {
	t.Parallel()
	pool := startPHP(t, 1)
	root := filepath.Join(t.TempDir(), "www")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	g := startGate(t, inFrontOf(pool), fmt.Sprintf("upstream: {local_root: %q, script: try}", root))
	g.awaitReady(t, http.StatusOK)
	if err := os.Rename(root, root+".lost"); err != nil {
		t.Fatal(err)
	}
	g.get(t, "/trivial.php", "one").want(t, http.StatusBadGateway)
	if reason := g.awaitReady(t, http.StatusServiceUnavailable); !strings.Contains(reason, "upstream php: local_root: ") || !strings.Contains(reason, root) {
		t.Errorf("not ready because of %q", reason)
	}
	if err := os.Rename(root+".lost", root); err != nil {
		t.Fatal(err)
	}
	g.awaitReady(t, http.StatusOK)
}
