package fastcgi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// ParseAddress splits a server's address as the configuration has it:
// "unix:/path", or "host:port".
func ParseAddress(address string) (network, target string, err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			return "", "", fmt.Errorf("fastcgi: address %q: want an absolute path, such as unix:/run/php/php8.2-fpm.sock", address)
		}
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return "", "", fmt.Errorf("fastcgi: address %q: want host:port or unix:/path", address)
	}
	return "tcp", address, nil
}

// dialer connects to one address.
type dialer struct {
	address, network, target string
	timeout                  time.Duration
	// dial is net.Dialer's, or the caller's own.
	dial func(ctx context.Context, network, target string) (net.Conn, error)
}

func newDialer(address string, timeout time.Duration) (*dialer, error) {
	network, target, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{}
	if network == "unix" || isLoopback(target) {
		// A peer on this machine cannot vanish without closing; probes would
		// only cost four system calls a connection.
		d.KeepAlive = -1
	}
	return &dialer{address: address, network: network, target: target, timeout: timeout, dial: d.DialContext}, nil
}

func isLoopback(target string) bool {
	at, err := netip.ParseAddrPort(target)
	return err == nil && at.Addr().IsLoopback()
}

// Waits between attempts on a unix socket whose queue is full.
const (
	firstRetry = time.Millisecond
	lastRetry  = 20 * time.Millisecond
)

// connect makes a connection, or a *DialError. When ctx ends, that wraps its
// cause.
func (d *dialer) connect(ctx context.Context) (net.Conn, error) {
	dialCtx := ctx
	if d.timeout > 0 {
		var cancel context.CancelFunc
		dialCtx, cancel = context.WithTimeout(ctx, d.timeout)
		defer cancel()
	}
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		conn, err := d.dial(dialCtx, d.network, d.target)
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, &DialError{Address: d.address, Err: context.Cause(ctx)}
		}
		// On a unix socket a full listen queue is EAGAIN at once, where TCP
		// would wait for room.
		if !errors.Is(err, syscall.EAGAIN) || !pause(dialCtx, wait) {
			return nil, &DialError{Address: d.address, Err: err}
		}
	}
}

// pause waits, and says whether ctx goes on.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
