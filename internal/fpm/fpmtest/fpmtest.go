// Package fpmtest starts php-fpm pools for tests.
//
// A pool ends with its test. Where php-fpm is not installed the test fails: a
// skipped test is one that nobody runs. The package has no checks of its own
// and knows nothing of the gate.
package fpmtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/test/php"
)

// startLimit is more than a loaded machine needs to start php-fpm.
const startLimit = 30 * time.Second

// Start runs a pool that ends with the test. Without a Root it serves a copy
// of the sample pages of test/php; without a Dir it uses one of the test's.
func Start(t testing.TB, opts fpm.Options) *fpm.Pool {
	t.Helper()
	if opts.Root == "" {
		opts.Root = Pages(t)
	}
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	pool, err := fpm.Start(ctx, opts)
	if errors.Is(err, fpm.ErrNotInstalled) {
		t.Fatalf("%v; install php-fpm: make test does", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Stop)
	return pool
}

// StartUnlocked is Start with sessions that PHP does not lock, so that only
// the gate keeps two requests of one session apart.
func StartUnlocked(t testing.TB, opts fpm.Options) *fpm.Pool {
	t.Helper()
	if opts.Root == "" {
		opts.Root = Pages(t)
	}
	ini := map[string]string{"auto_prepend_file": filepath.Join(opts.Root, php.Unlocked)}
	for name, value := range opts.Ini {
		ini[name] = value
	}
	opts.Ini = ini
	return Start(t, opts)
}

// Pages writes the sample pages of test/php to a folder of the test.
func Pages(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pages")
	if err := os.CopyFS(dir, php.Pages); err != nil {
		t.Fatalf("write the sample pages: %v", err)
	}
	return dir
}

// Socket is a path for a unix socket. It is short: t.TempDir with a long test
// name would not fit into the 107 bytes a socket path may have.
func Socket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "fpm.sock")
}
