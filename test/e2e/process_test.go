package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

func TestSIGTERMLetsEverythingFinish(t *testing.T) {
	t.Parallel()
	pool := startPHP(t, 4)
	p := serve(t, command(t, "serve", "-c", writeConfig(t, inFrontOf(pool), "server: {drain_delay: 2s}")))
	g := p.gate
	j, end := newJournal(t), newBarrier(t)
	running := g.start(t, end.page(j, "running"), "one")
	j.await(t, "begin running")
	waiting := g.queue(t, j.page("slow", "waiting", "ms=0"), "one", 1)

	// A client that has left is no reason to cut PHP off.
	req, leave := vanish(t, request(t, "GET", end.page(j, "left"), "two", nil))
	left := g.send(req)
	j.await(t, "begin left")
	leave()
	receive(t, left)

	g.awaitReady(t, http.StatusOK)
	p.signal(t, syscall.SIGTERM)
	reason := g.awaitReady(t, http.StatusServiceUnavailable)
	if !strings.Contains(reason, "draining") {
		t.Errorf("readyz says %q", reason)
	}
	// Not ready, and still accepting for drain_delay.
	client := g.newClient()
	defer client.CloseIdleConnections()
	resp, err := client.Do(request(t, "GET", "/trivial.php", "three", nil))
	if err != nil {
		t.Fatalf("while draining: %v", err)
	}
	resp.Body.Close()
	// Now it stops accepting, and what is under way goes on.
	eventually(t, func() bool {
		c, err := net.Dial(g.network, g.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	}, func() string { return "it still accepts" })
	if status, _ := g.adminPage(t, "/healthz"); status != 200 {
		t.Errorf("healthz says %d while draining", status)
	}
	end.lift(t)
	receive(t, running).want(t, 200)
	receive(t, waiting).want(t, 200)
	p.wantExit(t, "exit status 0")
	if !j.has(t, "end left") {
		t.Errorf("the page of a client that left was cut off: %q", j.words(t))
	}
}

func TestADrainThatTakesTooLongSaysWhatItCutOff(t *testing.T) {
	pool := startPHP(t, 4)
	p := serve(t, command(t, "serve", "-c", writeConfig(t, inFrontOf(pool), "server: {drain_timeout: 200ms}")))
	j, end := newJournal(t), newBarrier(t)
	running := p.gate.start(t, end.page(j, "running"), "one")
	j.await(t, "begin running")
	big := p.gate.dial(t) // a relay that is stuck, with bytes in the spool
	big.ask(t, "GET", "/big.php?mb=50", "two")
	big.head(t)
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, "exit status 1")
	receive(t, running).wantRefusal(t, http.StatusServiceUnavailable, "shutting_down")
	said := p.gate.log.String()
	if !strings.Contains(said, "server.drain_timeout passed") {
		t.Errorf("it said\n%s", said)
	}
	if strings.Contains(said, "spool: closed while") {
		t.Errorf("it complains of itself:\n%s", said)
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	pool := startPHP(t, 4)
	p := serve(t, command(t, "serve", "-c", writeConfig(t, inFrontOf(pool), "server: {drain_delay: 60s}")))
	p.signal(t, syscall.SIGTERM)
	p.gate.awaitReady(t, http.StatusServiceUnavailable)
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, "signal: terminated")
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	pool := startPHP(t, 1)
	wantFailure(t, command(t, "serve", "-c", writeConfig(t, inFrontOf(pool), fmt.Sprintf("server: {listen: %q}", taken))),
		"server.listen", taken, "is taken by another process")
	wantFailure(t, command(t, "serve", "-c", writeConfig(t, inFrontOf(pool), fmt.Sprintf("admin: {listen: %q}", taken))),
		"admin.listen", taken, "is taken by another process")
}

func TestAUnixSocketIsListenedOnAndAStaleOneReplaced(t *testing.T) {
	pool := startPHP(t, 1)
	socket := filepath.Join(filepath.Dir(fpmtest.Socket(t)), "gate.sock")
	file := writeConfig(t, inFrontOf(pool), fmt.Sprintf("server: {listen: 'unix:%s'}", socket))

	p := serve(t, command(t, "serve", "-c", file))
	p.gate.get(t, "/trivial.php", "one").want(t, 200)
	wantFailure(t, command(t, "serve", "-c", file), "server.listen", socket, "taken by another process")
	p.gate.get(t, "/trivial.php", "one").want(t, 200) // the other one did no harm
	p.signal(t, syscall.SIGKILL)
	p.wantExit(t, "signal: killed")
	if !exists(socket) {
		t.Fatal("the killed gate left no socket behind: nothing was shown")
	}
	p = serve(t, command(t, "serve", "-c", file))
	p.gate.get(t, "/trivial.php", "one").want(t, 200)
	p.gate.client.CloseIdleConnections()
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, "exit status 0")
	if exists(socket) {
		t.Error("the socket is left behind after an orderly end")
	}

	if err := os.WriteFile(socket, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, command(t, "serve", "-c", file), "server.listen", socket, "is not a socket")
	if content, err := os.ReadFile(socket); string(content) != "mine" {
		t.Errorf("the file was touched: %q, %v", content, err)
	}
}

// asNobody makes the command run as a user to whom a socket can be closed. A
// test that is not run by root cannot become another user, and need not: its
// own sockets can be closed to it.
func asNobody(cmd *exec.Cmd) (closed os.FileMode) {
	if os.Geteuid() != 0 {
		return 0
	}
	const nobody = 65534
	cmd.Env = append(cmd.Env, "TMPDIR=/tmp")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return 0o660
}

func TestASocketThatMayNotBeOpenedIsExplained(t *testing.T) {
	t.Parallel()
	socket := fpmtest.Socket(t)
	if err := os.Chmod(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	pool := fpmtest.StartUnlocked(t, fpm.Options{Socket: socket})
	start := func() (*exec.Cmd, os.FileMode) {
		cmd := command(t, "serve", "--fastcgi", pool.Address(), "--root", pool.Root(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
		return cmd, asNobody(cmd)
	}
	cmd, closed := start()
	if err := os.Chmod(socket, closed); err != nil {
		t.Fatal(err)
	}
	want := []string{socket, "may not be opened by user ", "belongs to ", fmt.Sprintf("mode %04o", closed), "listen.group"}
	t.Run("at start", func(t *testing.T) { wantFailure(t, cmd, want...) })
	t.Run("later", func(t *testing.T) {
		if err := os.Chmod(socket, 0o666); err != nil {
			t.Fatal(err)
		}
		cmd, closed := start()
		p := serve(t, cmd)
		p.gate.get(t, "/", "one").want(t, 200)
		if err := os.Chmod(socket, closed); err != nil {
			t.Fatal(err)
		}
		reason := p.gate.awaitReady(t, http.StatusServiceUnavailable)
		for _, words := range want {
			if !strings.Contains(reason, words) {
				t.Errorf("readyz says %q, want %q", reason, words)
			}
		}
		p.gate.get(t, "/", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
	})
}

func TestServeWithFlagsAlone(t *testing.T) {
	pool := startPHP(t, 2)
	p := serve(t, command(t, "serve", "--fastcgi", pool.Address(), "--root", pool.Root(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"))
	if a := p.gate.get(t, "/any/path", "one").want(t, 200); !strings.Contains(a.body, `"script":"/index.php"`) {
		t.Errorf("got %q", a.body)
	}
	backend := p.gate.addr
	other := serve(t, command(t, "serve", "--http", "http://"+backend, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"))
	if a := other.gate.get(t, "/any/path", "one").want(t, 200); !strings.Contains(a.body, `"request_uri":"/any/path"`) {
		t.Errorf("got %q", a.body)
	}
}

// The listener closes in the moment in which the client says what it came for.
func TestADrainServesWhoWasAcceptedBefore(t *testing.T) {
	p := serve(t, command(t, "serve", "-c", writeConfig(t, inFrontOf(startPHP(t, 1)))))
	early, silent := p.gate.dial(t), p.gate.dial(t)
	early.write(t, "GET /trivial.php HTTP/1.1\r\nHost: gate.test\r\n")
	p.gate.awaitMetric(t, "connections", 2)
	p.signal(t, syscall.SIGTERM)
	eventually(t, func() bool {
		c, err := net.Dial(p.gate.network, p.gate.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	}, func() string { return "it still accepts" })
	early.write(t, "Cookie: PHPSESSID=one\r\n\r\n")
	if a := early.answer(t); a.status != 200 || !a.closes {
		t.Errorf("status %d, closes %v", a.status, a.closes)
	}
	silent.Close()
	p.wantExit(t, "exit status 0")
}
