package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// activation is a socket that is held open for gates, one after another, as a
// socket unit of systemd does.
type activation struct {
	address string
	file    *os.File
	config  string
}

// activate opens the socket. The parts are of the gates' configuration.
func activate(t *testing.T, network, address string, parts ...string) *activation {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	file, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	a := &activation{address: l.Addr().String(), file: file}
	listen := a.address
	if network == "unix" {
		listen = "unix:" + a.address
	}
	a.config = writeConfig(t, append(parts, fmt.Sprintf("server: {listen: %q}", listen))...)
	return a
}

// command is a gate that is given the socket. LISTEN_PID has to be its process id,
// which the shell knows and keeps.
func (a *activation) command(t *testing.T) *exec.Cmd {
	t.Helper()
	gate := command(t, "serve", "-c", a.config)
	cmd := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`}, gate.Args...)...)
	cmd.Env = append(gate.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=sessiongate.socket")
	cmd.ExtraFiles = []*os.File{a.file}
	return cmd
}

// heldBy says whether a process has the socket, too.
func (a *activation) heldBy(t *testing.T, pid int) bool {
	t.Helper()
	info, err := a.file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("socket:[%d]", info.Sys().(*syscall.Stat_t).Ino)
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(open) == 0 {
		t.Fatalf("no descriptors of process %d: %v", pid, err)
	}
	return slices.ContainsFunc(open, func(fd string) bool {
		to, err := os.Readlink(fd)
		return err == nil && to == name
	})
}

// crowd sends requests, each on a connection of its own, until it is told to stop.
type crowd struct {
	served atomic.Int64
	all    sync.WaitGroup
}

func (c *crowd) come(ctx context.Context, t *testing.T, client *http.Client, session string) {
	for ctx.Err() == nil {
		resp, err := client.Do(request(t, "GET", "/trivial.php", session, nil))
		if err != nil {
			t.Errorf("after %d requests: %v", c.served.Load(), err)
			return
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("after %d requests: %s, %v", c.served.Load(), resp.Status, err)
			return
		}
		c.served.Add(1)
	}
}

// await returns when so many more have been served.
func (c *crowd) await(t *testing.T, more int64) {
	t.Helper()
	want := c.served.Load() + more
	eventually(t, func() bool { return t.Failed() || c.served.Load() >= want }, func() string { return "the crowd is not served" })
}

func TestRestartsOnAHeldSocketRefuseNobody(t *testing.T) {
	const clients, restarts = 8, 3
	pool := startPHP(t, 4)
	a := activate(t, "tcp", "127.0.0.1:0", inFrontOf(pool), "log: {access: false}")
	p := serve(t, a.command(t))
	if p.gate.addr != a.address {
		t.Fatalf("serving on %s, not on the socket at %s", p.gate.addr, a.address)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var c crowd
	client := p.gate.newClient()
	client.Timeout, client.Transport.(*http.Transport).DisableKeepAlives = patience, true
	for i := range clients {
		c.all.Go(func() { c.come(ctx, t, client, fmt.Sprintf("client%d", i)) })
	}
	for range restarts {
		c.await(t, 100)
		p.signal(t, syscall.SIGTERM)
		p.wantExit(t, "exit status 0")
		// Now there is no gate at all.
		waiting := p.gate.dial(t)
		waiting.ask(t, "GET", "/trivial.php", "one")
		p = serve(t, a.command(t))
		waiting.head(t)
	}
	c.await(t, 100)
	stop()
	c.all.Wait()
}

// The one gate ends before the next begins: the session's line is not broken, with
// the store in memory, too.
func TestWhoComesDuringARestartWaitsForWhatStillRuns(t *testing.T) {
	pool, s := startPHP(t, 4), newSupervisor(t)
	a := activate(t, "unix", filepath.Join(filepath.Dir(fpmtest.Socket(t)), "gate.sock"), inFrontOf(pool))
	cmd := a.command(t)
	cmd.Env = append(cmd.Env, s.environment())
	p := serve(t, cmd)
	s.want(t, "READY=1", "STATUS=serving on "+a.address)
	j, end := newJournal(t), newBarrier(t)
	running := p.gate.start(t, end.page(j, "running"), "one")
	j.await(t, "begin running")
	p.signal(t, syscall.SIGTERM)
	s.want(t, "STOPPING=1", "STATUS=draining: not ready", "EXTEND_TIMEOUT_USEC=")
	s.want(t, "STOPPING=1", "STATUS=draining: no longer accepting", "EXTEND_TIMEOUT_USEC=")
	eventually(t, func() bool { return !a.heldBy(t, p.Process.Pid) }, func() string { return "it still has the socket" })
	next := p.gate.start(t, j.page("slow", "next", "ms=0"), "one")
	end.lift(t)
	receive(t, running).want(t, 200)
	p.wantExit(t, "exit status 0")
	if j.has(t, "begin next") {
		t.Errorf("the next one did not wait: %q", j.words(t))
	}
	serve(t, a.command(t))
	receive(t, next).want(t, 200)
	if !exists(a.address) {
		t.Error("the socket that others hold open has been removed")
	}
}

func TestASocketThatIsNotTheGatesIsNamed(t *testing.T) {
	pool := startPHP(t, 1)
	a := activate(t, "tcp", "127.0.0.1:0", inFrontOf(pool))
	a.config = writeConfig(t, inFrontOf(pool))
	wantFailure(t, a.command(t), "server.listen", "a socket at "+a.address, "neither server.listen (127.0.0.1:0) nor admin.listen (127.0.0.1:0)", "ListenStream=")

	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	if a.file, err = datagrams.(*net.UDPConn).File(); err != nil {
		t.Fatal(err)
	}
	defer a.file.Close()
	wantFailure(t, a.command(t), "socket 3 (sessiongate.socket)", "ListenStream=")

	cmd := command(t, "serve", "-c", a.config) // the sockets are another process's
	cmd.Env = append(cmd.Env, "LISTEN_PID=1", "LISTEN_FDS=1")
	serve(t, cmd)
}
