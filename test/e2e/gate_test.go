package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// patience is how long a test waits for what must come; a busy machine needs
// far less.
const patience = 20 * time.Second

// gate is a running gate in this process.
type gate struct {
	app            *app.App
	network, addr  string // where clients connect
	admin          string // host:port
	spoolDir       string
	log            *logBuffer
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
	g := &gate{log: &logBuffer{}, spoolDir: t.TempDir()}
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

// logBuffer takes the gate's log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// adminPage asks the admin listener.
func (g *gate) adminPage(t *testing.T, path string) (status int, body string) {
	t.Helper()
	return fetch(t, "http://"+g.admin+path)
}

func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	// Also asked from t.Cleanup, when the test's context has ended.
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(content)
}

// metric is the value of one series, written as in the text format without the
// prefix: refused_total{reason="rule"}. A series that is not there is 0.
func (g *gate) metric(t *testing.T, series string) float64 {
	t.Helper()
	_, text := g.adminPage(t, "/metrics")
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if strings.Contains(series, "{") {
			name += "}"
		} else {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		if name != "sessiongate_"+series {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("metric %q: %v", line, err)
		}
		return n
	}
	return 0
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
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("waited in vain: %s", explain())
		}
	}
}
