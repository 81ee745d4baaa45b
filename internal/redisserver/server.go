package redisserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sessiongate/sessiongate/internal/child"
	"github.com/sessiongate/sessiongate/internal/freeport"
)

// ErrNotInstalled is returned where the machine has no redis-server.
var ErrNotInstalled = errors.New("redis-server is not installed: it is not in PATH; scripts/test-deps installs it")

// takesCommands is what a server writes when it does. Redis and Valkey, on TCP
// and on unix sockets, have it in different sentences.
var takesCommands = regexp.MustCompile(`(?i)ready to accept connections`)

// Server is a redis-server. Its methods may be called from several goroutines,
// except Restart and Close, which must not run beside one another.
type Server struct {
	opts  Options
	at    place
	trust *tls.Config // nil without TLS
	args  []string    // after the configuration file
	ready *regexp.Regexp

	mu      sync.Mutex
	process *child.Child
	closed  bool
}

// Start runs a server and returns when it takes commands. ctx bounds the
// starting only; the server lives until Close.
func Start(ctx context.Context, opts Options) (*Server, error) {
	s, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	config, err := s.opts.config(s.at)
	if err == nil {
		err = s.launch(ctx, config)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare takes a place for a server that is not running yet.
func prepare(opts Options) (*Server, error) {
	if opts.Binary == "" {
		binary, err := exec.LookPath("redis-server")
		if err != nil {
			return nil, ErrNotInstalled
		}
		opts.Binary = binary
	}
	at, err := takePlace(opts.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, at: at, ready: takesCommands}
	if opts.Cluster {
		// Usually the port plus 10000, which may be anybody's, or none.
		if s.at.bus, err = freeport.Take(); err != nil {
			return nil, errors.Join(fmt.Errorf("redisserver: %w", err), s.Close())
		}
	}
	if opts.TLS {
		if s.trust, err = writeCertificates(&s.at); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// launch writes the configuration and starts the process.
func (s *Server) launch(ctx context.Context, config []byte) error {
	if err := os.WriteFile(s.at.configFile(), config, 0o600); err != nil {
		return fmt.Errorf("redisserver: write configuration: %w", err)
	}
	return s.run(ctx)
}

// run starts the process on the configuration that is there: a server may have
// written into it whom it replicates, and a sentinel whom it knows.
func (s *Server) run(ctx context.Context) error {
	process, err := child.Start(s.opts.Binary, append([]string{s.at.configFile()}, s.args...)...)
	if err != nil {
		return fmt.Errorf("redisserver: %w", err)
	}
	if err := process.WaitFor(ctx, s.ready); err != nil {
		process.Kill()
		return fmt.Errorf("redisserver: redis-server does not listen on %s: %w", s.Address(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = process
	return nil
}

func (s *Server) running() *child.Child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// Address is where the server listens: "127.0.0.1:6379" or "unix:/path".
func (s *Server) Address() string {
	if s.opts.Unix {
		return "unix:" + s.at.socket()
	}
	return s.at.port.Address()
}

// CAFile is the PEM file of the authority that signed the server's
// certificate; "" without TLS.
func (s *Server) CAFile() string {
	if s.trust == nil {
		return ""
	}
	return s.at.caFile()
}

// TLSConfig trusts the server's certificate; nil without TLS.
func (s *Server) TLSConfig() *tls.Config {
	if s.trust == nil {
		return nil
	}
	return s.trust.Clone()
}

// ClientOptions are what a client needs to reach the server.
func (s *Server) ClientOptions() *redis.Options {
	o := &redis.Options{
		Network:  "tcp",
		Addr:     s.at.port.Address(),
		Password: s.opts.Password,
		// A conversation that only some paid servers know.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if s.opts.Unix {
		o.Network, o.Addr = "unix", s.at.socket()
	}
	if s.opts.User != "" {
		o.Username = s.opts.User
	}
	o.TLSConfig = s.TLSConfig()
	return o
}

// PID is the server's process id.
func (s *Server) PID() int { return s.running().PID() }

// CPU is the CPU time, user and system, that the process has used since it was
// started. A server that was killed has none.
func (s *Server) CPU() (time.Duration, error) { return s.running().CPU() }

// Log is the last of what the process has written since it was started.
func (s *Server) Log() string { return s.running().Said() }

// Kill ends the server as a crash would; its connections are reset or closed
// by the kernel. Restart brings it back.
func (s *Server) Kill() { s.running().Kill() }

// Stop halts the process with SIGSTOP: connections stay, and are taken, and
// nothing is answered. Continue ends that.
func (s *Server) Stop() error { return s.running().Signal(syscall.SIGSTOP) }

// Continue lets a stopped server go on.
func (s *Server) Continue() error { return s.running().Signal(syscall.SIGCONT) }

// Restart ends the server, in order where it still runs, and starts it on the
// same address. It is empty unless Config has it keep its data.
func (s *Server) Restart(ctx context.Context) error {
	s.running().Stop()
	return s.run(ctx)
}

// Close ends the server at once and removes what it left. Further calls do
// nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	process, closed := s.process, s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	if process != nil {
		process.Kill()
	}
	return s.at.leave()
}
