package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/freeport"
	"github.com/sessiongate/sessiongate/test/php"
)

// stand is what measurements are set up on: a scratch folder with the programs
// built and the sample pages, and whatever a measurement has started.
type stand struct {
	plan plan
	out  io.Writer // progress, for people

	dir     string
	closers []func()
}

// newStand makes the scratch folder and builds the programs, without the race
// detector: it would be the greater part of what is measured.
func newStand(ctx context.Context, p plan, out io.Writer) (*stand, error) {
	dir, err := os.MkdirTemp("", "sessiongate-load-")
	if err != nil {
		return nil, err
	}
	s := &stand{plan: p, out: out, dir: dir}
	if err := errors.Join(s.build(ctx), os.CopyFS(s.pages(), php.Pages)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

const module = "github.com/sessiongate/sessiongate/"

// programs are built afresh; "make build" uses the same flags, so that its
// build cache serves here too.
func (s *stand) build(ctx context.Context) error {
	bin := filepath.Join(s.dir, "bin") + string(filepath.Separator)
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", bin,
		module+"cmd/sessiongate", module+"test/load/backend", module+"test/load/reverseproxy", module+"test/load/handover")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

func (s *stand) program(name string) string { return filepath.Join(s.dir, "bin", name) }

func (s *stand) pages() string { return filepath.Join(s.dir, "pages") }

// atEnd has something done when the measurement is over, last come first.
func (s *stand) atEnd(do func()) { s.closers = append(s.closers, do) }

// clear ends whatever the measurement has started.
func (s *stand) clear() {
	for _, do := range slices.Backward(s.closers) {
		do()
	}
	s.closers = nil
}

func (s *stand) close() {
	s.clear()
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintf(s.out, "scratch folder %s is left: %v\n", s.dir, err)
	}
}

func (s *stand) progress(format string, args ...any) {
	fmt.Fprintf(s.out, "  "+format+"\n", args...)
}

// unlockedSessions has PHP keep sessions in files that nobody locks.
func (s *stand) unlockedSessions() map[string]string {
	return map[string]string{"auto_prepend_file": filepath.Join(s.pages(), php.Unlocked)}
}

// startPHP runs a php-fpm pool of ten workers, on a unix socket.
func (s *stand) startPHP(ctx context.Context, ini map[string]string) (*fpm.Pool, error) {
	dir, err := os.MkdirTemp(s.dir, "fpm-")
	if err != nil {
		return nil, err
	}
	pool, err := fpm.Start(ctx, fpm.Options{
		Root: s.pages(), Workers: workers, Socket: filepath.Join(dir, "s"), Backlog: 1024, Ini: ini, ControlTimeout: 10 * time.Second, Dir: dir,
	})
	if errors.Is(err, fpm.ErrNotInstalled) {
		return nil, fmt.Errorf("%w; scripts/test-deps installs it", err)
	}
	if err != nil {
		return nil, err
	}
	s.atEnd(pool.Stop)
	return pool, nil
}

// workers is pm.max_children of every pool.
const workers = 10

// startPrinting runs a program of ours that prints its address first.
func (s *stand) startPrinting(ctx context.Context, name string, args ...string) (*child, string, error) {
	c, err := s.startChild(s.program(name), args...)
	if err != nil {
		return nil, "", err
	}
	address, err := c.line(ctx, func(line []byte) (string, bool) { return strings.TrimSpace(string(line)), true })
	return c, address, err
}

// freePort takes a port for a program that cannot choose one itself, or that will
// be started again. It is nobody else's until the measurement is over.
func (s *stand) freePort() (string, error) {
	port, err := freeport.Take()
	if err != nil {
		return "", err
	}
	s.atEnd(port.GiveBack)
	return port.Address(), nil
}
