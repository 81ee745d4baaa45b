package e2e

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// supervisor is the socket on which systemd listens to its services.
type supervisor struct {
	conn *net.UnixConn
	path string
}

func newSupervisor(t *testing.T) *supervisor {
	t.Helper()
	path := filepath.Join(filepath.Dir(fpmtest.Socket(t)), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &supervisor{conn: conn, path: path}
}

// environment is what systemd adds to that of a service of Type=notify.
func (s *supervisor) environment() string { return "NOTIFY_SOCKET=" + s.path }

// receive is the next message, an assignment a line.
func (s *supervisor) receive(t *testing.T) []string {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 4096)
	n, err := s.conn.Read(message)
	if err != nil {
		t.Fatalf("no message: %v", err)
	}
	return strings.Split(string(message[:n]), "\n")
}

// want compares the next message: each of its lines has to begin as these do.
func (s *supervisor) want(t *testing.T, lines ...string) {
	t.Helper()
	got := s.receive(t)
	if len(got) != len(lines) {
		t.Errorf("message %q, want %q", got, lines)
		return
	}
	for i, line := range lines {
		if !strings.HasPrefix(got[i], line) {
			t.Errorf("message %q, want %q", got, lines)
		}
	}
}

// wantNoMore says that nothing was sent which has not been received. Whoever
// sends has to have ended.
func (s *supervisor) wantNoMore(t *testing.T) {
	t.Helper()
	c, err := net.Dial("unixgram", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("the test's own")); err != nil {
		t.Fatal(err)
	}
	s.want(t, "the test's own")
}

func TestSystemdIsToldOfStartReloadsAndDrain(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	pool := startPHP(t, 1)
	r := &reloading{file: filepath.Join(t.TempDir(), "gate.yaml"), parts: []string{inFrontOf(pool), "server: {drain_delay: 1s, drain_timeout: 20s}"}}
	r.write(t)
	cmd := command(t, "serve", "-c", r.file)
	cmd.Env = append(cmd.Env, s.environment())
	r.process = launch(t, cmd)
	ready := s.receive(t)
	r.awaitServing(t)
	if want := "STATUS=serving on " + r.gate.addr + ", admin on " + r.gate.admin; len(ready) != 2 || ready[0] != "READY=1" || ready[1] != want {
		t.Errorf("message %q, want %q", ready, want)
	}
	serving := "STATUS=serving on " + r.gate.addr

	r.reload(t, "taken", refusing("/trivial.php", 451), "server: {listen: '127.0.0.1:1', drain_timeout: 25s}")
	s.want(t, "RELOADING=1", "MONOTONIC_USEC=")
	if got := s.receive(t); !strings.HasPrefix(got[1], serving) || !strings.HasSuffix(got[1], "keys that need a restart: 1") || got[0] != "READY=1" {
		t.Errorf("message %q", got)
	}
	r.reload(t, "refused", "lock: {busy: rejekt, mode: exclusiv}")
	s.want(t, "RELOADING=1", "MONOTONIC_USEC=")
	if got := s.receive(t); !strings.HasPrefix(got[1], serving) || !strings.Contains(got[1], "the one before stays: ") || !strings.Contains(got[1], "lock.") || got[0] != "READY=1" {
		t.Errorf("message %q", got)
	}

	r.signal(t, syscall.SIGTERM)
	s.want(t, "STOPPING=1", "STATUS=draining: not ready", "EXTEND_TIMEOUT_USEC=36000000") // 1 s, the 25 s that were reloaded, 10 s to close
	s.want(t, "STOPPING=1", "STATUS=draining: no longer accepting", "EXTEND_TIMEOUT_USEC=35000000")
	r.wantExit(t, "exit status 0")
	s.wantNoMore(t)
}

// PHP-FPM may be started after the gate: it listens, that is all.
func TestSystemdIsToldOfAStartWithoutPHP(t *testing.T) {
	s := newSupervisor(t)
	cmd := command(t, "serve", "--fastcgi", "unix:"+fpmtest.Socket(t), "--root", t.TempDir(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, s.environment())
	p := launch(t, cmd)
	s.want(t, "READY=1", "STATUS=serving on ")
	p.awaitServing(t)
	p.gate.get(t, "/", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
}

func TestAStartThatFailsIsNoStartForSystemd(t *testing.T) {
	s := newSupervisor(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	pool := startPHP(t, 1)
	for _, part := range []string{"lock: {busy: rejekt}", "server: {listen: '" + taken.Addr().String() + "'}", "admin: {listen: '" + taken.Addr().String() + "'}"} {
		cmd := command(t, "serve", "-c", writeConfig(t, inFrontOf(pool), part))
		cmd.Env = append(cmd.Env, s.environment())
		wantFailure(t, cmd)
	}
	s.wantNoMore(t)
}

// What the gate says while it ends must not read as if it went on.
func TestAReloadWhileTheGateDrainsIsNotToldToSystemd(t *testing.T) {
	s := newSupervisor(t)
	r := &reloading{file: filepath.Join(t.TempDir(), "gate.yaml"), parts: []string{inFrontOf(startPHP(t, 1)), "server: {drain_delay: 60s}"}}
	r.write(t)
	cmd := command(t, "serve", "-c", r.file)
	cmd.Env = append(cmd.Env, s.environment())
	r.process = serve(t, cmd)
	s.want(t, "READY=1", "STATUS=")
	r.signal(t, syscall.SIGTERM)
	s.want(t, "STOPPING=1", "STATUS=draining", "EXTEND_TIMEOUT_USEC=100000000")
	r.reload(t, "taken", refusing("/trivial.php", 451))
	r.reload(t, "refused", "lock: {busy: rejekt}")
	r.signal(t, syscall.SIGKILL)
	r.wantExit(t, "signal: killed")
	s.wantNoMore(t)
}
