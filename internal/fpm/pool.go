package fpm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sessiongate/sessiongate/internal/freeport"
)

// maxSocketPath is what sun_path holds on Linux, without the closing NUL.
const maxSocketPath = 107

// Pool is a running php-fpm. Its methods may be called from several
// goroutines, except Restart, which must not run beside another Restart or
// Stop.
type Pool struct {
	opts    Options
	dir     string
	ownDir  bool
	network string
	listen  string         // host:port, or the path of the socket
	port    *freeport.Port // of TCP, kept until Stop; nil with a socket
	master  *process
}

// Start runs a pool and returns when it takes connections. ctx bounds the
// starting only; the pool lives until Stop.
func Start(ctx context.Context, opts Options) (*Pool, error) {
	p, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	if err := p.launch(ctx); err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

func prepare(opts Options) (*Pool, error) {
	if opts.Binary == "" {
		binary, err := Find()
		if err != nil {
			return nil, err
		}
		opts.Binary = binary
	}
	if opts.Workers == 0 {
		opts.Workers = 2
	}
	root, err := filepath.Abs(opts.Root)
	if err != nil {
		return nil, fmt.Errorf("fpm: document root: %w", err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("fpm: document root %s is not a folder", root)
	}
	opts.Root = root
	p := &Pool{opts: opts, dir: opts.Dir, network: "tcp"}
	if opts.Socket != "" {
		if len(opts.Socket) > maxSocketPath {
			return nil, fmt.Errorf("fpm: socket path %s has %d bytes, at most %d are possible", opts.Socket, len(opts.Socket), maxSocketPath)
		}
		p.network, p.listen = "unix", opts.Socket
	}
	if p.dir == "" {
		if p.dir, err = os.MkdirTemp("", "sessiongate-fpm-"); err != nil {
			return nil, fmt.Errorf("fpm: scratch folder: %w", err)
		}
		p.ownDir = true
	}
	if err := os.MkdirAll(sessionDir(p.dir), 0o700); err != nil {
		p.leave()
		return nil, fmt.Errorf("fpm: session folder: %w", err)
	}
	if p.network == "tcp" {
		if p.port, err = freeport.Take(); err != nil {
			p.leave()
			return nil, fmt.Errorf("fpm: %w", err)
		}
		p.listen = p.port.Address()
	}
	return p, nil
}

// launch runs a master on p.listen and waits until it is ready.
func (p *Pool) launch(ctx context.Context) error {
	config, err := p.opts.config(p.listen, p.dir)
	if err != nil {
		return err
	}
	path := filepath.Join(p.dir, "php-fpm.conf")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		return fmt.Errorf("fpm: write configuration: %w", err)
	}
	args := []string{"--nodaemonize", "--force-stderr", "--fpm-config", path}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-to-run-as-root")
	}
	master, err := startProcess(p.opts.Binary, args, p.opts.Log)
	if err != nil {
		return err
	}
	if err := master.waitReady(ctx, p.network, p.listen); err != nil {
		master.stop()
		return err
	}
	p.master = master
	return nil
}

// Address is where the pool listens: "127.0.0.1:9000" or "unix:/path".
func (p *Pool) Address() string {
	if p.network == "unix" {
		return "unix:" + p.listen
	}
	return p.listen
}

// Root is the absolute path of the document root.
func (p *Pool) Root() string { return p.opts.Root }

// SessionDir is the folder of the pool's session files.
func (p *Pool) SessionDir() string { return sessionDir(p.dir) }

// PID is the process id of the master.
func (p *Pool) PID() int { return p.master.pid() }

// Stop ends the master and its workers at once, running scripts included, and
// waits for them. Further calls do nothing.
func (p *Pool) Stop() {
	p.master.stop()
	if p.network == "unix" {
		// php-fpm removes it when it ends in order, not when it was killed.
		_ = os.Remove(p.listen)
	}
	p.leave()
}

// Restart ends the pool at once and starts it again on the same address with
// its sessions kept.
func (p *Pool) Restart(ctx context.Context) error {
	p.master.stop()
	return p.launch(ctx)
}

// Reload has the master start anew in its place, as "systemctl reload" does:
// the socket stays open, scripts end within ControlTimeout, and new workers take
// over. It returns before they do.
func (p *Pool) Reload() error {
	return syscall.Kill(p.PID(), syscall.SIGUSR2)
}

// Kill ends the pool as a crash would: SIGKILL to master and workers, sockets
// left where they are. Restart brings it back; Stop is still needed.
func (p *Pool) Kill() { p.master.kill() }

// leave gives the port back and removes a scratch folder of its own.
func (p *Pool) leave() {
	if p.port != nil {
		p.port.GiveBack()
	}
	if !p.ownDir {
		return
	}
	if err := os.RemoveAll(p.dir); err != nil && !errors.Is(err, fs.ErrNotExist) && p.opts.Log != nil {
		fmt.Fprintf(p.opts.Log, "fpm: remove scratch folder: %v\n", err)
	}
}

// endedError explains a master that ended by itself.
func endedError(state, said string) error {
	return fmt.Errorf("fpm: php-fpm ended at start (%s); it said:\n%s", state, strings.TrimSpace(said))
}

// readyPoll is how often a starting pool is tried.
const readyPoll = 5 * time.Millisecond
