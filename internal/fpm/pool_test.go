package fpm_test

import (
	"context"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

func dial(t *testing.T, pool *fpm.Pool) error {
	t.Helper()
	network, address := "tcp", pool.Address()
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), network, address)
	if err == nil {
		conn.Close()
	}
	return err
}

func TestPoolTakesConnectionsFromStartToStop(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			var opts fpm.Options
			if network == "unix" {
				opts.Socket = fpmtest.Socket(t)
			}
			pool := fpmtest.Start(t, opts)
			if err := dial(t, pool); err != nil {
				t.Fatalf("a started pool refuses: %v", err)
			}
			pool.Stop()
			if err := dial(t, pool); err == nil {
				t.Error("a stopped pool takes a connection")
			}
			if err := syscall.Kill(-pool.PID(), 0); err != syscall.ESRCH {
				t.Errorf("processes left in the pool's group: %v", err)
			}
			pool.Stop()
		})
	}
}

// With a TCP port, too: nobody else gets it meanwhile.
func TestPoolComesBackAtTheSameAddressAfterACrash(t *testing.T) {
	for network, socket := range map[string]string{"tcp": "", "unix": fpmtest.Socket(t)} {
		t.Run(network, func(t *testing.T) {
			pool := fpmtest.Start(t, fpm.Options{Socket: socket})
			address := pool.Address()
			pool.Kill()
			if err := dial(t, pool); err == nil {
				t.Fatal("a killed pool takes a connection")
			}
			if err := pool.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := dial(t, pool); err != nil || pool.Address() != address {
				t.Errorf("after Restart: %v at %s, want %s", err, pool.Address(), address)
			}
		})
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	root := t.TempDir()
	for _, tc := range []struct {
		name string
		opts fpm.Options
		want string
	}{
		{"no root", fpm.Options{Root: root + "/none"}, "is not a folder"},
		{"no binary", fpm.Options{Root: root, Binary: "/none/php-fpm"}, "/none/php-fpm"},
		{"socket folder missing", fpm.Options{Root: root, Socket: root + "/none/s"}, "php-fpm ended at start"},
		{"socket path too long", fpm.Options{Root: root, Socket: "/" + strings.Repeat("s", 200)}, "at most 107"},
		{"value that cannot be quoted", fpm.Options{Root: root, Ini: map[string]string{"a": "it's"}}, "cannot be written"},
		{"empty value", fpm.Options{Root: root, Ini: map[string]string{"a": ""}}, "cannot be written"},
		{"name that cannot be written", fpm.Options{Root: root, Env: map[string]string{"a]": "b"}}, "cannot be written"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pool, err := fpm.Start(t.Context(), tc.opts)
			if err == nil {
				pool.Stop()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pool, err := fpm.Start(ctx, fpm.Options{Root: t.TempDir()})
	if err == nil {
		pool.Stop()
		t.Fatal("it started")
	}
}

func TestScratchFolderOfItsOwnIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	pool, err := fpm.Start(t.Context(), fpm.Options{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Stop()
	if _, err := os.Stat(pool.SessionDir()); err != nil {
		t.Fatal(err)
	}
	pool.Stop()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
