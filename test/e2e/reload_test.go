package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// reloading is a gate of its own process whose file can be changed.
type reloading struct {
	*process
	file  string
	parts []string
}

// serveReloading runs a gate with a file of these parts.
func serveReloading(t *testing.T, parts ...string) *reloading {
	t.Helper()
	r := &reloading{file: filepath.Join(t.TempDir(), "gate.yaml"), parts: parts}
	r.write(t)
	r.process = serve(t, command(t, "serve", "-c", r.file))
	return r
}

// write puts more parts over those with which the gate was started.
func (r *reloading) write(t *testing.T, more ...string) {
	t.Helper()
	content, err := os.ReadFile(writeConfig(t, append(append([]string{}, r.parts...), more...)...))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// reload has the gate read other parts, and waits for what comes of it.
func (r *reloading) reload(t *testing.T, result string, more ...string) {
	t.Helper()
	series := fmt.Sprintf("config_reloads_total{result=%q}", result)
	before := r.gate.metric(t, series)
	r.write(t, more...)
	r.signal(t, syscall.SIGHUP)
	r.gate.awaitMetric(t, series, before+1)
}

// refusing has a page refused with a status.
func refusing(path string, status int) string {
	return fmt.Sprintf("rules: [{name: no, match: {path: [%s]}, action: reject, status: %d}]", path, status)
}

func TestSIGHUPHasTheFileReadAgain(t *testing.T) {
	pool := startPHP(t, 4)
	r := serveReloading(t, inFrontOf(pool), "limits: [{name: few, key: session, rate: 1/h, burst: 3}]")
	g := r.gate
	j, end := newJournal(t), newBarrier(t)
	running := g.start(t, end.page(j, "running"), "one")
	j.await(t, "begin running")
	waiting := g.queue(t, j.page("slow", "waiting", "ms=0"), "one", 1)

	r.reload(t, "taken", refusing("/trivial.php", 451), "lock: {busy: reject}")
	g.get(t, "/trivial.php", "two").want(t, 451)
	g.get(t, j.page("slow", "refused", "ms=0"), "one").wantRefusal(t, http.StatusTooManyRequests, "session_busy") // its last token

	r.reload(t, "refused", refusing("/trivial.php", 452), "lock: {busy: rejekt, max_hold: 1ms}")
	g.get(t, "/trivial.php", "two").want(t, 451)
	if got := g.metric(t, "config_reload_failed"); got != 1 {
		t.Errorf("config_reload_failed is %v", got)
	}
	said := g.log.String()
	if strings.Count(said, "new configuration cannot be used") != 1 || !strings.Contains(said, "lock.busy: ") || !strings.Contains(said, "max_hold") {
		t.Errorf("want one line with both mistakes:\n%s", said)
	}

	r.reload(t, "taken", "server: {listen: '127.0.0.1:1'}")
	g.wantLogged(t, "keys of the configuration need a restart, until then they keep their values", 1)
	if !strings.Contains(g.log.String(), `"keys":["server.listen"]`) {
		t.Errorf("it does not name server.listen:\n%s", g.log)
	}
	g.get(t, "/trivial.php", "two").want(t, 200)
	end.lift(t) // who came before the first reload notices none
	receive(t, running).want(t, 200)
	receive(t, waiting).want(t, 200)
	g.get(t, "/trivial.php", "one").wantRefusal(t, http.StatusTooManyRequests, "rate_limited") // all reloads long
	r.signal(t, syscall.SIGTERM)
	r.wantExit(t, "exit status 0")
}

// The second signal comes before, while or after the file is read for the first:
// what stands in it last counts.
func TestOfTwoSIGHUPsTheLastFileCounts(t *testing.T) {
	r := serveReloading(t, inFrontOf(startPHP(t, 1)))
	for i := range 20 {
		r.write(t, refusing("/trivial.php", 450+i))
		r.signal(t, syscall.SIGHUP)
		r.write(t, refusing("/trivial.php", 480+i))
		r.signal(t, syscall.SIGHUP)
		var got int
		eventually(t, func() bool {
			got = r.gate.get(t, "/trivial.php", "one").status
			return got == 480+i
		}, func() string { return fmt.Sprintf("status %d, want %d", got, 480+i) })
	}
}

func TestSIGHUPWhileTheGateDrains(t *testing.T) {
	r := serveReloading(t, inFrontOf(startPHP(t, 1)), "server: {drain_delay: 60s}")
	r.signal(t, syscall.SIGTERM)
	r.gate.awaitReady(t, http.StatusServiceUnavailable)
	r.reload(t, "taken", refusing("/trivial.php", 451))
	r.gate.get(t, "/trivial.php", "one").want(t, 451)
	r.signal(t, syscall.SIGTERM)
	r.wantExit(t, "signal: terminated")
}

// The gate is looking for its Redis, which takes the connection and says nothing,
// when the file changes.
func TestSIGHUPWhileTheGateStarts(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &reloading{
		file:  filepath.Join(t.TempDir(), "gate.yaml"),
		parts: []string{inFrontOf(startPHP(t, 1)), fmt.Sprintf("lock: {store: redis}\nredis: {addresses: [%q], timeout: 1s}", silent.Addr())},
	}
	r.write(t)
	next := writeConfig(t, append(r.parts, refusing("/trivial.php", 451))...)
	r.process = launch(t, command(t, "serve", "-c", r.file))
	asked, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(next, r.file), r.Process.Signal(syscall.SIGHUP), asked.Close(), silent.Close()); err != nil {
		t.Fatal(err)
	}
	r.awaitServing(t)
	r.gate.awaitMetric(t, `config_reloads_total{result="taken"}`, 1)
	r.gate.get(t, "/trivial.php", "one").want(t, 451)
}
