package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// listen opens the address of a configuration key: host:port or unix:/path. A
// socket file that nobody listens on any more is replaced.
// With open every local user may connect to the socket.
func listen(ctx context.Context, key, address string, open bool) (net.Listener, error) {
	network, target := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, target = "unix", path
		if err := removeStale(ctx, path); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, network, target)
	switch {
	case err == nil && network == "unix" && open:
		// As a port would be; the umask would keep a proxy of another user out.
		if err := os.Chmod(target, 0o666); err != nil { //nolint:gosec // G302: open is what was asked for
			return nil, errors.Join(fmt.Errorf("%s: %w", key, err), l.Close())
		}
		return l, nil
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is taken by another process; stop that one, or choose another address", key, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: no right to listen on %s; ports below 1024 need root or CAP_NET_BIND_SERVICE, a socket needs a folder that this user may write to: %w", key, address, err)
	}
	return nil, fmt.Errorf("%s: cannot listen on %s: %w", key, address, err)
}

// removeStale removes a socket file that a process left behind when it died.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil // nothing there, or net.Listen says better what is wrong
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%s exists and is not a socket; choose another path, or remove it", path)
	}
	if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		_ = c.Close()
		return fmt.Errorf("unix:%s is taken by another process; stop that one, or choose another path", path)
	}
	return os.Remove(path)
}
