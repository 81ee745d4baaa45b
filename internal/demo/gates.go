package demo

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/app"
	"github.com/sessiongate/sessiongate/internal/config"
)

// gates are the two ways to the backend: the same proxy, with locking off and
// on.
type gates struct{ direct, locked *gate }

type gate struct{ *app.App }

func openGates(ctx context.Context, b *backend, version string, log io.Writer) (*gates, error) {
	off, err := configure(b, config.ModeNone)
	if err != nil {
		return nil, err
	}
	on, err := configure(b, config.ModeExclusive)
	if err != nil {
		return nil, err
	}
	logger := app.NewLogger(log, on.Log)
	g := &gates{}
	if g.direct, err = openGate(ctx, off, version, logger); err != nil {
		return nil, err
	}
	if g.locked, err = openGate(ctx, on, version, logger); err != nil {
		return nil, errors.Join(err, g.direct.Close())
	}
	return g, nil
}

// configure starts from the defaults; the reader's environment does not count.
func configure(b *backend, mode config.LockMode) (*config.Config, error) {
	flags := []config.Flag{
		setting("server.listen", "127.0.0.1:0"),
		setting("server.drain_delay", "0s"),
		setting("server.drain_timeout", "2s"),
		setting("admin.listen", "127.0.0.1:0"),
		setting("log.access", false),
		// Warnings are about setting up a gate for good: a spool on a tmpfs.
		setting("log.level", config.LevelError),
		setting("log.format", config.FormatConsole),
		setting("lock.mode", mode),
	}
	return config.Load(config.Source{Flags: append(flags, b.upstream...), Check: app.Check})
}

func openGate(ctx context.Context, c *config.Config, version string, log zerolog.Logger) (*gate, error) {
	a, err := app.New(c, version, log)
	if err != nil {
		return nil, err
	}
	if err := a.Start(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return &gate{a}, nil
}

func (g *gate) url() string      { return urlOf(g.Address()) }
func (g *gate) adminURL() string { return urlOf(g.AdminAddress()) }

func urlOf(at net.Addr) string { return "http://" + at.String() }

// serve returns when ctx ends, or with the error of a listener that broke.
func (g *gates) serve(ctx context.Context) error {
	select {
	case err := <-g.direct.Failed():
		return err
	case err := <-g.locked.Failed():
		return err
	case <-ctx.Done():
		return nil
	}
}

func (g *gates) close(ctx context.Context) error {
	// Drain waits for the handlers of requests that have just been cut off. Its
	// error says that a client keeps its connection: it is cut next.
	_, _ = g.direct.Drain(ctx), g.locked.Drain(ctx)
	return errors.Join(g.direct.Close(), g.locked.Close())
}
