package demo

import (
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/test/php"
)

// pages are those that may be tried: of the sample pages, some kill their
// worker or tell about the machine.
var pages = []string{"counter.php", "inc.php", "index.php", "sid.php", "slow.php", "trivial.php"}

//go:embed began.php
var began []byte

// startLimit is more than a loaded machine needs to start php-fpm.
const startLimit = 10 * time.Second

// startPHP runs a real pool on a socket in a folder that nobody else may enter:
// whoever can speak FastCGI to a pool can run code as its user.
func startPHP(ctx context.Context, binary string, workers int) (_ *backend, err error) {
	dir, err := os.MkdirTemp("", "sessiongate-demo-")
	if err != nil {
		return nil, fmt.Errorf("scratch folder for php-fpm: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	root, prepend := filepath.Join(dir, "pages"), filepath.Join(dir, "prepend")
	if err := unpack(root, pages...); err != nil {
		return nil, err
	}
	if err := unpack(prepend, php.Unlocked); err != nil {
		return nil, err
	}
	first := filepath.Join(prepend, "began.php")
	if err := os.WriteFile(first, began, 0o600); err != nil {
		return nil, fmt.Errorf("unpack the pages: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	pool, err := fpm.Start(ctx, fpm.Options{
		Binary:  binary,
		Root:    root,
		Workers: workers,
		Socket:  filepath.Join(dir, "fpm.sock"),
		Dir:     filepath.Join(dir, "fpm"),
		Ini:     ini(dir, first),
	})
	if err != nil {
		return nil, err
	}
	return &backend{
		name: fmt.Sprintf("a php-fpm of its own (%s)", binary),
		upstream: []config.Flag{
			setting("upstreams[0].protocol", config.ProtocolFastCGI),
			setting("upstreams[0].servers[0].address", pool.Address()),
			setting("upstreams[0].root", root),
			setting("upstreams[0].local_root", root),
			setting("upstreams[0].script", config.ScriptTry),
		},
		close: func() error {
			pool.Stop()
			return os.RemoveAll(dir)
		},
	}, nil
}

// ini makes the pool independent of what the machine's php.ini says about
// sessions, and keeps the pages within the scratch folder.
func ini(dir, prepend string) map[string]string {
	return map[string]string{
		"auto_prepend_file":        prepend,
		"open_basedir":             dir,
		"session.name":             cookieName,
		"session.use_cookies":      "1",
		"session.use_only_cookies": "1",
		"session.use_strict_mode":  "0", // so that any id can be tried with curl
		"session.auto_start":       "0",
	}
}

func unpack(dir string, names ...string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("unpack the pages: %w", err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(php.Pages, name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
		if err != nil {
			return fmt.Errorf("unpack the pages: %w", err)
		}
	}
	return nil
}
