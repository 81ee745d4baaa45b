package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// childGrace is how long a child may take to end after an interrupt.
const childGrace = 10 * time.Second

// child is a process that a measurement has started. What it writes goes to a
// file of the scratch folder; nothing is written to the terminal.
type child struct {
	name   string
	cmd    *exec.Cmd
	output string // path of the file
	ended  chan struct{}
}

// startChild runs a program. On Linux the child also ends when the program
// that started it dies.
func (s *stand) startChild(name string, args ...string) (*child, error) {
	output, err := os.CreateTemp(s.dir, filepath.Base(name)+"-*.log")
	if err != nil {
		return nil, err
	}
	c := &child{name: filepath.Base(name), cmd: exec.Command(name, args...), output: output.Name(), ended: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.SysProcAttr = output, output, endWithParent()
	c.cmd.Env = s.environment()
	started := make(chan error)
	go c.run(started)
	if err := errors.Join(<-started, output.Close()); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.atEnd(c.stop)
	return c, nil
}

// environment is ours, without what would configure the gate, and with nobody's
// home folder.
func (s *stand) environment() []string {
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SESSIONGATE_") })
	return append(own, "HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "XDG_DATA_HOME="+s.dir)
}

// run keeps its thread: Linux sends the parent-death signal when the thread
// that forked ends, not the process (golang.org/issue/27505).
func (c *child) run(started chan<- error) {
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

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the child and waits for it.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(os.Interrupt) // it may have ended by itself
	grace := time.NewTimer(childGrace)
	defer grace.Stop()
	select {
	case <-c.ended:
	case <-grace.C:
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// kill ends the child without a word, as a machine does that loses its power,
// and waits for it.
func (c *child) kill() {
	c.signal(syscall.SIGKILL)
	<-c.ended
}

func (c *child) signal(which syscall.Signal) {
	_ = c.cmd.Process.Signal(which) // it may have ended by itself
}

// line waits until find finds something in the complete lines that the child
// has written.
func (c *child) line(ctx context.Context, find func(line []byte) (string, bool)) (string, error) {
	var found string
	err := until(ctx, func() bool {
		written, err := os.ReadFile(c.output)
		if err != nil {
			return false
		}
		for line := range bytes.Lines(written) {
			var ok bool
			if found, ok = find(line); ok && bytes.HasSuffix(line, []byte("\n")) {
				return true
			}
		}
		return c.hasEnded()
	})
	if err == nil && found == "" {
		err = errors.New("it ended")
	}
	if err != nil {
		return "", fmt.Errorf("%s did not start: %w; it said:\n%s", c.name, err, c.tail())
	}
	return found, nil
}

// listens waits until the child takes connections at an address.
func (c *child) listens(ctx context.Context, address string) error {
	err := until(ctx, func() bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil || c.hasEnded()
	})
	if err == nil && c.hasEnded() {
		err = errors.New("it ended")
	}
	if err != nil {
		return fmt.Errorf("%s does not listen on %s: %w; it said:\n%s", c.name, address, err, c.tail())
	}
	return nil
}

func (c *child) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// tail is the end of what the child has written.
func (c *child) tail() string {
	f, err := os.Open(c.output)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	const size = 2 << 10
	if info, err := f.Stat(); err == nil && info.Size() > size {
		_, _ = f.Seek(-size, io.SeekEnd) // a whole file is as good
	}
	b, _ := io.ReadAll(f)
	return string(b)
}

// until waits for a condition, for as long as a loaded machine may need.
func until(ctx context.Context, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
