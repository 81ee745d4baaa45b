package redistest

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessiongate/sessiongate/internal/redisserver"
)

// limit is more than a loaded machine needs for anything that is waited for.
const limit = 30 * time.Second

// Server is a redis-server that ends with its test.
type Server struct {
	*redisserver.Server
	tb testing.TB
}

// Option changes what server is started.
type Option func(*redisserver.Options)

// TLS has the server speak TLS only; TLSConfig and CAFile say whom to trust.
func TLS() Option { return func(o *redisserver.Options) { o.TLS = true } }

// Unix has the server listen on a unix socket only.
func Unix() Option { return func(o *redisserver.Options) { o.Unix = true } }

// Password has the server ask for a user and a password. "" is the user
// "default"; with another user that one is off.
func Password(user, password string) Option {
	return func(o *redisserver.Options) { o.User, o.Password = user, password }
}

// ClusterNode has the server be a node of a cluster, which has no slots yet.
func ClusterNode() Option { return func(o *redisserver.Options) { o.Cluster = true } }

// Config adds a line to redis.conf.
func Config(name, value string) Option {
	return func(o *redisserver.Options) {
		if o.Config == nil {
			o.Config = make(map[string]string)
		}
		o.Config[name] = value
	}
}

// Start runs a server that keeps nothing on disk and ends with the test.
func Start(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	var opts redisserver.Options
	for _, set := range options {
		set(&opts)
	}
	ctx, cancel := waiting(tb)
	defer cancel()
	s, err := redisserver.Start(ctx, opts)
	if err != nil {
		tb.Fatal(err)
	}
	closeAtEnd(tb, s)
	return &Server{Server: s, tb: tb}
}

func closeAtEnd(tb testing.TB, c io.Closer) {
	tb.Helper()
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
}

// waiting bounds what a test waits for. It may be in the test's cleanup, where
// the test's context has ended.
func waiting(tb testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(tb.Context()), limit)
}

// Client is a client of the server that is closed with the test.
func (s *Server) Client(tb testing.TB) *redis.Client {
	tb.Helper()
	c := redis.NewClient(s.ClientOptions())
	tb.Cleanup(func() { c.Close() })
	return c
}

// Stop halts the process with SIGSTOP: connections stay, and are taken, and
// nothing is answered. Continue ends that.
func (s *Server) Stop() {
	s.tb.Helper()
	if err := s.Server.Stop(); err != nil {
		s.tb.Fatal(err)
	}
}

// Continue lets a stopped server go on.
func (s *Server) Continue() {
	s.tb.Helper()
	if err := s.Server.Continue(); err != nil {
		s.tb.Fatal(err)
	}
}

// Restart ends the server, in order where it still runs, and starts it on the
// same address, empty unless it was configured to keep its data.
func (s *Server) Restart() {
	s.tb.Helper()
	ctx, cancel := waiting(s.tb)
	defer cancel()
	if err := s.Server.Restart(ctx); err != nil {
		s.tb.Fatal(err)
	}
}

// CPU is the CPU time, user and system, that the process has used since it was
// started.
func (s *Server) CPU() time.Duration {
	s.tb.Helper()
	used, err := s.Server.CPU()
	if err != nil {
		s.tb.Fatal(err)
	}
	return used
}
