package child

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a child may take to end after SIGTERM.
const stopGrace = 3 * time.Second

// ErrEnded is returned by WaitFor where the child has ended by itself.
var ErrEnded = errors.New("ended")

// Child is a program that has been started. Its methods may be called from
// several goroutines.
type Child struct {
	cmd   *exec.Cmd
	said  journal
	ended chan struct{} // closed when the child has been waited for

	mu    sync.Mutex
	swept bool // the group was killed, after which its id may belong to others
}

// Start runs a program.
func Start(binary string, args ...string) (*Child, error) {
	c := &Child{cmd: exec.Command(binary, args...), ended: make(chan struct{})}
	c.said.changed = make(chan struct{})
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	c.cmd.SysProcAttr = groupAttr()
	// A process forked by the child may outlive it; it must not keep Wait at the pipe.
	c.cmd.WaitDelay = stopGrace
	started := make(chan error)
	go c.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run %s: %w", binary, err)
	}
	return c, nil
}

// run keeps its thread from start to end: Linux sends the parent-death signal
// when the thread that forked ends, not the process (golang.org/issue/27505).
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = c.cmd.Wait() // how it ended is in cmd.ProcessState
	close(c.ended)
}

// PID is the child's process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// CPU is the CPU time, user and system, that the child has used.
func (c *Child) CPU() (time.Duration, error) { return CPUTime(c.PID()) }

// Ended is closed once the child has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Said is the last of what the child wrote.
func (c *Child) Said() string { return c.said.String() }

// WaitFor returns when the child has written what pattern matches. Where the
// child ends first the error is ErrEnded, and says what the child wrote.
func (c *Child) WaitFor(ctx context.Context, pattern *regexp.Regexp) error {
	for {
		said, changed := c.said.now()
		if pattern.Match(said) {
			return nil
		}
		select {
		case <-changed:
		case <-c.ended:
			return fmt.Errorf("%w (%s); it said:\n%s", ErrEnded, c.cmd.ProcessState, strings.TrimSpace(c.Said()))
		case <-ctx.Done():
			return fmt.Errorf("%w; it said:\n%s", context.Cause(ctx), strings.TrimSpace(c.Said()))
		}
	}
}

// Signal sends a signal to the child alone. A child that has ended gets none.
func (c *Child) Signal(s syscall.Signal) error { return c.cmd.Process.Signal(s) }

// Stop asks the child to end, waits, and then makes sure that nothing of its
// group is left. A child that is halted by SIGSTOP is made to go on.
func (c *Child) Stop() {
	_ = c.Signal(syscall.SIGTERM) // it may have ended
	_ = c.Signal(syscall.SIGCONT)
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-c.ended:
	case <-grace.C:
	}
	c.Kill()
}

// Kill ends the child and its group at once, as a crash would.
func (c *Child) Kill() {
	c.mu.Lock()
	if !c.swept {
		c.swept = true
		_ = syscall.Kill(-c.PID(), syscall.SIGKILL) // nothing may be left of it
	}
	c.mu.Unlock()
	<-c.ended
}
