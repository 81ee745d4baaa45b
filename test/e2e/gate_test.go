package e2e

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// patience is how long a test waits for what must come.
const patience = gatetest.Patience

// gate is a running gate in this process.
type gate struct {
	app            *app.App
	network, addr  string // where clients connect
	admin          string // host:port
	spoolDir       string
	log            *gatetest.Log
	client         *http.Client
	closed         sync.Once
	configFilePath string
}

// startPHP runs a php-fpm without session locks.
func startPHP(t *testing.T, workers int) *fpm.Pool {
	t.Helper()
	return fpmtest.StartUnlocked(t, fpm.Options{Workers: workers})
}

// inFrontOf is the configuration of a gate before a php-fpm pool: any page of
// it can be asked for by its path.
func inFrontOf(pool *fpm.Pool) string {
	return fmt.Sprintf("upstream: {protocol: fastcgi, servers: [{address: %q}], root: %q, local_root: %q, script: path}\n",
		pool.Address(), pool.Root(), pool.Root())
}

// startGate runs a gate. Each part is YAML; later parts are laid over earlier
// ones, and "upstream" stands for the first of upstreams.
func startGate(t *testing.T, parts ...string) *gate {
	t.Helper()
	g := &gate{log: &gatetest.Log{}, spoolDir: t.TempDir()}
	g.configFilePath = writeConfig(t, append([]string{fmt.Sprintf("spool: {dir: %q}", g.spoolDir)}, parts...)...)
	loaded, err := config.Load(config.Source{Path: g.configFilePath, Check: app.Check})
	if err != nil {
		t.Fatal(err)
	}
	g.app, err = app.New(loaded, "e2e", app.NewLogger(g.log, loaded.Log))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.network, g.addr = g.app.Address().Network(), g.app.Address().String()
	g.admin = g.app.AdminAddress().String()
	g.client = g.newClient()
	t.Cleanup(func() { g.close(t) })
	return g
}

// close stops the gate as a drained one, and says so where a request is stuck.
func (g *gate) close(t *testing.T) {
	t.Helper()
	g.closed.Do(func() {
		g.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.app.Drain(ctx); err != nil {
			t.Errorf("drain at the end of the test: %v", err)
		}
		if err := g.app.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() {
			t.Logf("the gate's log:\n%s", g.log)
		}
	})
}

// newClient is a client with connections of its own.
func (g *gate) newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, g.network, g.addr)
			},
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// writeConfig writes a configuration file: parts laid over each other and over
// what every test wants.
func writeConfig(t *testing.T, parts ...string) string {
	t.Helper()
	tree := map[string]any{}
	base := "server: {listen: '127.0.0.1:0', drain_delay: 0s}\nadmin: {listen: '127.0.0.1:0'}\n"
	for _, part := range append([]string{base}, parts...) {
		over := map[string]any{}
		if err := yaml.Unmarshal([]byte(part), &over); err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
		merge(tree, over)
	}
	if first, ok := tree["upstream"].(map[string]any); ok {
		if _, named := first["name"]; !named {
			first["name"] = "php"
		}
		more, _ := tree["upstreams"].([]any)
		tree["upstreams"] = append([]any{first}, more...)
		delete(tree, "upstream")
	}
	content, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func merge(tree, over map[string]any) {
	for key, value := range over {
		below, isMap := tree[key].(map[string]any)
		above, isMapToo := value.(map[string]any)
		if isMap && isMapToo {
			merged := maps.Clone(below)
			merge(merged, above)
			value = merged
		}
		tree[key] = value
	}
}

// adminPage asks the admin listener.
func (g *gate) adminPage(t *testing.T, path string) (status int, body string) {
	t.Helper()
	return fetch(t, "http://"+g.admin+path)
}

func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	return gatetest.Get(t, url)
}

// metric is the value of one series, written as gatetest.Metric wants it.
func (g *gate) metric(t *testing.T, series string) float64 {
	t.Helper()
	return gatetest.Metric(t, g.admin, series)
}

// awaitMetric waits until a series has a value.
func (g *gate) awaitMetric(t *testing.T, series string, want float64) {
	t.Helper()
	var got float64
	eventually(t, func() bool {
		got = g.metric(t, series)
		return got == want
	}, func() string { return fmt.Sprintf("%s is %v, want %v", series, got, want) })
}

// eventually waits for a condition; explain says what was there instead.
func eventually(t *testing.T, condition func() bool, explain func() string) {
	t.Helper()
	gatetest.Eventually(t, condition, explain)
}
