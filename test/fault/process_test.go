package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/sessiongate/sessiongate/internal/child"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// process is a gate in a process of its own.
type process struct {
	*child.Child
	address, admin string
	client         *http.Client
}

var serving = regexp.MustCompile(`(?m)^.*"message":"serving".*$`)

// serve runs a gate in front of an upstream.
func serve(t *testing.T, redis, upstream string) *process {
	t.Helper()
	config := fmt.Sprintf(`server: {listen: "127.0.0.1:0", drain_delay: 0s, drain_timeout: 1s}
admin: {listen: "127.0.0.1:0"}
lock: {store: redis, ttl: %s}
redis: {addresses: [%q], key_prefix: %q}
upstreams: [{name: php, protocol: http, servers: [{address: %q}]}]
`, processTTL, redis, prefix, upstream)
	file := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{client: &http.Client{Transport: &http.Transport{}}}
	var err error
	if p.Child, err = child.Start(gatetest.Binary(t), "serve", "-c", file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		p.Kill()
		if t.Failed() {
			t.Logf("a gate's log:\n%s", p.Said())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.WaitFor(ctx, serving); err != nil {
		t.Fatal(err)
	}
	var line struct{ Listen, Admin string }
	if err := json.Unmarshal([]byte(serving.FindString(p.Said())), &line); err != nil {
		t.Fatal(err)
	}
	p.address, p.admin = line.Listen, line.Admin
	return p
}

// answer is what a client got; nothing from a gate that died.
type answer struct {
	status int
	err    error
}

// send sends a request of the one session, and does not wait for the answer.
func (p *process) send(t *testing.T, path string) <-chan answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "PHPSESSID=0123456789abcdef0123456789")
	got := make(chan answer, 1)
	go func() {
		resp, err := p.client.Do(r)
		if err != nil {
			got <- answer{err: err}
			return
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		got <- answer{resp.StatusCode, err}
	}()
	return got
}

// metric reads a series, written as gatetest.Metric wants it.
func (p *process) metric(t *testing.T, series string) float64 {
	t.Helper()
	return gatetest.Metric(t, p.admin, series)
}
