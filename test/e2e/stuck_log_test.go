package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/freeport"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// piped is a gate whose log goes into a pipe that nobody reads so far.
type piped struct {
	*process
	log *os.File
}

func servePiped(t *testing.T, parts ...string) piped {
	t.Helper()
	addresses := make([]string, 2)
	for i := range addresses {
		port, err := freeport.Take()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(port.GiveBack)
		addresses[i] = port.Address()
	}
	cmd := command(t, "serve", "-c", writeConfig(t, append(parts, inFrontOf(startPHP(t, 2)))...), "--listen", addresses[0], "--admin", addresses[1])
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	cmd.Stderr = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	g := &gate{network: "tcp", addr: addresses[0], admin: addresses[1], log: &gatetest.Log{}}
	g.client = g.newClient()
	t.Cleanup(g.client.CloseIdleConnections)
	p := piped{process: &process{Cmd: cmd, gate: g, ended: make(chan struct{})}, log: out}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // the test looks at ProcessState
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
	})
	eventually(t, func() bool {
		c, err := net.Dial("tcp", g.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, func() string { return "it does not serve" })
	g.awaitReady(t, http.StatusOK)
	return p
}

// overflow sends requests until lines are dropped.
func (p piped) overflow(t *testing.T) {
	t.Helper()
	path := "/trivial.php/" + strings.Repeat("x", 900) // which is logged
	for i := range 3000 {
		p.gate.get(t, path, "")
		if i%100 == 0 && p.gate.metric(t, "log_dropped_lines_total") > 0 {
			return
		}
	}
	t.Fatal("nothing was dropped")
}

func TestALogThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	p := servePiped(t, "server: {drain_timeout: 2s}")
	p.overflow(t)
	p.gate.get(t, "/trivial.php", "one").want(t, 200)
	p.gate.awaitReady(t, http.StatusOK)
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, "exit status 0")
}

func TestALogThatFlowsAgainSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	p := servePiped(t)
	p.overflow(t)
	dropped := p.gate.metric(t, "log_dropped_lines_total")
	go p.read()
	eventually(t, func() bool { return strings.Contains(p.gate.log.String(), "log lines were dropped") }, p.gate.log.String)
	p.gate.get(t, "/trivial.php", "one").want(t, 200)
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, "exit status 0")
	eventually(t, func() bool { return strings.Contains(p.gate.log.String(), `"message":"drained"`) }, p.gate.log.String)
	if line := lineWith(p.gate.log.String(), "log lines were dropped"); !strings.Contains(line, `"level":"error"`) || dropped < 1 {
		t.Errorf("%v were dropped, it says %s", dropped, line)
	}
}

func TestALogWhoseReaderHasGoneEndsNothing(t *testing.T) {
	t.Parallel()
	p := servePiped(t)
	p.log.Close()
	p.gate.get(t, "/trivial.php", "one").want(t, 200)
	eventually(t, func() bool { return p.gate.metric(t, "log_dropped_lines_total") > 0 }, func() string { return "nothing was dropped" })
	p.gate.get(t, "/trivial.php", "one").want(t, 200)
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, "exit status 0")
}

// read takes the log until the gate has ended.
func (p piped) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := p.log.Read(buf)
		_, _ = p.gate.log.Write(buf[:n])
		if err != nil {
			return
		}
	}
}

func lineWith(log, words string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, words) {
			return line
		}
	}
	return ""
}

// Its last words go the same way.
func TestAStartThatFailsEndsThoughNobodyReadsWhy(t *testing.T) {
	cmd := exec.Command(gatetest.Binary(t), "serve", "-c", "/none")
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	fd := int(in.Fd()) // which makes it block
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for err == nil { // until it is full
		_, err = syscall.Write(fd, make([]byte, 4096))
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		t.Fatalf("it does not end; when it was killed: %v", <-ended)
	}
}
