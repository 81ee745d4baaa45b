package child_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/child"
)

func start(t *testing.T, script string) *child.Child {
	t.Helper()
	c, err := child.Start("/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}

func waitFor(t *testing.T, c *child.Child, pattern string) {
	t.Helper()
	if err := c.WaitFor(t.Context(), regexp.MustCompile(pattern)); err != nil {
		t.Fatal(err)
	}
}

// gone waits until a process is no more than a zombie: init waits for orphans
// in its own time.
func gone(t *testing.T, pid int) {
	t.Helper()
	for tick := time.NewTicker(time.Millisecond); ; {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("process %d is still there: %s", pid, stat)
		}
	}
}

func TestChildEndsWithItsGroup(t *testing.T) {
	for name, end := range map[string]func(*child.Child){"Stop": (*child.Child).Stop, "Kill": (*child.Child).Kill} {
		t.Run(name, func(t *testing.T) {
			c := start(t, "sleep 1000 >/dev/null 2>&1 & echo behind $! it; exec sleep 1000")
			waitFor(t, c, "behind [0-9]+ it")
			var behind int
			if _, err := fmt.Sscanf(c.Said(), "behind %d", &behind); err != nil {
				t.Fatal(err)
			}
			end(c)
			gone(t, c.PID())
			gone(t, behind)
			end(c) // does nothing, and does not block
		})
	}
}

func TestStopEndsAHaltedChild(t *testing.T) {
	c := start(t, "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
	waitFor(t, c, "ready")
	if err := c.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.Stop()
	if !strings.Contains(c.Said(), "asked") {
		t.Errorf("it was not asked to end; it said %q", c.Said())
	}
}

func TestWaitForSaysWhyItGaveUp(t *testing.T) {
	ended := start(t, "echo too bad; exit 3")
	err := ended.WaitFor(t.Context(), regexp.MustCompile("ready"))
	if !errors.Is(err, child.ErrEnded) || !strings.Contains(err.Error(), "too bad") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := start(t, "exec sleep 1000").WaitFor(ctx, regexp.MustCompile("ready")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestTheLastWordsAreKept(t *testing.T) {
	c := start(t, "echo first; head -c 2000000 /dev/zero; echo last; exec sleep 1000")
	waitFor(t, c, "last\n")
	if said := c.Said(); len(said) > 1<<20 || strings.Contains(said, "first") {
		t.Errorf("%d bytes are kept", len(said))
	}
}

func TestCPUTimeOfTheChildIsRead(t *testing.T) {
	c := start(t, "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; echo ready; exec sleep 1000")
	waitFor(t, c, "ready")
	if used, err := c.CPU(); err != nil || used < time.Millisecond {
		t.Errorf("CPU time %v, %v", used, err)
	}
}

// TestChildDiesWithItsParent runs this test binary as the parent that dies.
func TestChildDiesWithItsParent(t *testing.T) {
	const inside = "SESSIONGATE_TEST_PARENT"
	if os.Getenv(inside) != "" {
		c, err := child.Start("/bin/sh", "-c", "exec sleep 1000")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(os.Getenv(inside), []byte(strconv.Itoa(c.PID())), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	file := t.TempDir() + "/pid"
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildDiesWithItsParent$")
	parent.Env = append(os.Environ(), inside+"="+file)
	if err := parent.Run(); err == nil {
		t.Fatal("the parent did not die")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}
