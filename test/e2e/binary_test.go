package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// process is a running sessiongate serve.
type process struct {
	*exec.Cmd
	gate    *gate               // only addresses, client and log
	serving chan map[string]any // the line that says so
	ended   chan struct{}
}

// command is the binary with arguments, in an environment without settings.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(gatetest.Binary(t), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}
	return cmd
}

// serve runs the binary and returns when it serves.
func serve(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := launch(t, cmd)
	p.awaitServing(t)
	return p
}

// launch runs the binary until the test ends.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd, gate: &gate{log: &gatetest.Log{}}, serving: make(chan map[string]any, 1), ended: make(chan struct{})}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	go func() {
		defer close(p.ended)
		defer out.Close()
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(p.gate.log, lines.Text())
			var line map[string]any
			if json.Unmarshal(lines.Bytes(), &line) == nil && line["message"] == "serving" {
				p.serving <- line
			}
		}
		_ = cmd.Wait() // the test looks at ProcessState
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("the gate's log:\n%s", p.gate.log)
		}
	})
	return p
}

// awaitServing returns when it serves.
func (p *process) awaitServing(t *testing.T) {
	t.Helper()
	select {
	case line := <-p.serving:
		p.gate.addr, p.gate.admin = fmt.Sprint(line["listen"]), fmt.Sprint(line["admin"])
		p.gate.network = "tcp"
		if strings.HasPrefix(p.gate.addr, "/") {
			p.gate.network = "unix"
		}
		p.gate.client = p.gate.newClient()
		t.Cleanup(p.gate.client.CloseIdleConnections)
	case <-p.ended:
		t.Fatalf("it ended at start: %s\n%s", p.ProcessState, p.gate.log)
	case <-time.After(patience):
		t.Fatalf("it does not serve:\n%s", p.gate.log)
	}
}

// signal sends a signal.
func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wantExit waits for the end and compares it, as os.ProcessState says it.
func (p *process) wantExit(t *testing.T, want string) {
	t.Helper()
	select {
	case <-p.ended:
		if got := p.ProcessState.String(); got != want {
			t.Errorf("ended with %q, want %q; it said\n%s", got, want, p.gate.log)
		}
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", p.gate.log)
	}
}

// wantFailure runs the binary to its end, which must be exit code 1 with this
// in its last words.
func wantFailure(t *testing.T, cmd *exec.Cmd, want ...string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit status 1", err)
	}
	for _, words := range want {
		if !strings.Contains(string(out), words) {
			t.Errorf("it said %q, want %q", out, words)
		}
	}
}

// startUntil runs a program of somebody else until the test ends, and returns
// when the condition holds.
func startUntil(t *testing.T, cmd *exec.Cmd, ready func() bool) {
	t.Helper()
	said := &gatetest.Log{}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
	})
	eventually(t, ready, func() string { return "not ready, it said " + said.String() })
}
