package apps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// patience is how long a test waits for what must come.
const patience = gatetest.Patience

// site is an application behind a gate.
type site struct {
	address string // of the gate
	admin   string
	journal string
	log     *gatetest.Log
}

// start puts a gate with a sample configuration of deploy/apps in front of the
// application in root. Further flags say what else holds in a test.
func start(t *testing.T, sample, root string, env map[string]string, flags ...config.Flag) *site {
	t.Helper()
	prepend, err := filepath.Abs("testdata/prepend.php")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{journal: filepath.Join(t.TempDir(), "journal"), log: &gatetest.Log{}}
	environment := map[string]string{"JOURNAL": s.journal}
	for name, value := range env {
		environment[name] = value
	}
	pool := fpmtest.Start(t, fpm.Options{
		Root: root, Workers: 4, Socket: fpmtest.Socket(t), Env: environment, Ini: map[string]string{"auto_prepend_file": prepend},
	})
	loaded, err := config.Load(config.Source{
		Path: filepath.Join("..", "..", "deploy", "apps", sample),
		Flags: append([]config.Flag{
			{Path: "server.listen", Value: "127.0.0.1:0"},
			{Path: "server.drain_delay", Value: "0s"},
			{Path: "admin.listen", Value: "127.0.0.1:0"},
			{Path: "spool.dir", Value: t.TempDir()},
			{Path: "upstreams[0].servers[0].address", Value: pool.Address()},
			{Path: "upstreams[0].root", Value: root},
			{Path: "upstreams[0].local_root", Value: root},
		}, flags...),
		Check: app.Check,
	})
	if err != nil {
		t.Fatal(err)
	}
	gate, err := app.New(loaded, "apps", app.NewLogger(s.log, loaded.Log))
	if err != nil {
		t.Fatal(err)
	}
	if err := gate.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t, gate) })
	s.address, s.admin = gate.Address().String(), gate.AdminAddress().String()
	return s
}

// stop drains the gate: nothing may be stuck.
func (s *site) stop(t *testing.T, gate *app.App) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := gate.Drain(ctx); err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := gate.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if t.Failed() {
		t.Logf("the gate's log:\n%s", s.log)
	}
}

// waiting is the number of requests in line.
func (s *site) waiting(t *testing.T) float64 {
	t.Helper()
	return gatetest.Metric(t, s.admin, "waiting")
}

// wantStage fails the test unless the gate's log says that every request of a
// path got as far as a stage.
func (s *site) wantStage(t *testing.T, path, stage string) {
	t.Helper()
	mark := fmt.Sprintf(`"path":%q`, path)
	eventually(t, "a line for "+path+" in the log", func() bool { return strings.Contains(s.log.String(), mark) })
	for line := range strings.Lines(s.log.String()) {
		if !strings.Contains(line, mark) {
			continue
		}
		if !strings.Contains(line, fmt.Sprintf(`"stage":%q`, stage)) {
			t.Errorf("want stage %s: %s", stage, line)
		}
	}
}

// words are the journal's lines.
func (s *site) words(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(s.journal)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	gatetest.Eventually(t, condition, func() string { return what })
}
