package fpm

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a master may take to end after SIGTERM.
const stopGrace = 3 * time.Second

// process is a php-fpm master in a process group of its own, so that its
// workers can be ended with it. One goroutine owns the command from start to
// end.
type process struct {
	cmd   *exec.Cmd
	said  *tail
	ended chan struct{} // closed when the master has been waited for
	swept sync.Once     // the group is killed once, so that a reused id is never hit
}

func startProcess(binary string, args []string, log io.Writer) (*process, error) {
	p := &process{said: &tail{next: log}, ended: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stderr = p.said
	p.cmd.SysProcAttr = groupAttr()
	// A worker that outlives its master must not keep Wait at the pipe.
	p.cmd.WaitDelay = stopGrace
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("fpm: run %s: %w", binary, err)
	}
	return p, nil
}

// run keeps its thread from start to end: Linux sends the parent-death signal
// when the thread that forked ends, not the process (golang.org/issue/27505).
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait()
	close(p.ended)
}

// waitReady returns when a connection is taken, the master has ended or ctx
// has.
func (p *process) waitReady(ctx context.Context, network, address string) error {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			conn.Close()
		}
		select {
		case <-p.ended: // first, for an older socket at the path may be somebody else's
			return endedError(p.cmd.ProcessState.String(), p.said.String())
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.ended:
		case <-ctx.Done():
			return fmt.Errorf("fpm: php-fpm does not listen on %s: %w; it said:\n%s", address, context.Cause(ctx), p.said)
		}
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the master to end, waits, and then makes sure that no worker is
// left.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-p.ended:
	case <-grace.C:
	}
	p.kill()
}

// kill sends SIGKILL to the group: workers may be left even where the master
// has ended.
func (p *process) kill() {
	p.swept.Do(func() { _ = syscall.Kill(-p.pid(), syscall.SIGKILL) })
	<-p.ended
}

// tail keeps the last bytes written, for error messages, and passes all on.
type tail struct {
	next io.Writer

	mu   sync.Mutex
	last []byte
}

const tailSize = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.last = append(t.last, b...)
	if over := len(t.last) - tailSize; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	t.mu.Unlock()
	if t.next != nil {
		return t.next.Write(b)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}
