package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Error says that no connection was made. Nothing has been sent.
type Error struct {
	Address string // as the operator wrote it
	Err     error
}

func (e *Error) Error() string {
	return fmt.Sprintf("connect to %s: %v", e.Address, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// ServerFault tells whether an error says something of the server: that it
// refuses connections, or does not answer. A caller that has left says nothing
// of it, nor does a gate that is short of files or ports; a unix socket whose
// queue is full is busy, not down.
func (e *Error) ServerFault() bool {
	for _, own := range [...]error{
		context.Canceled, syscall.EAGAIN, syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	} {
		if errors.Is(e.Err, own) {
			return false
		}
	}
	var op *net.OpError
	return errors.As(e.Err, &op) || errors.Is(e.Err, context.DeadlineExceeded)
}

// ParseAddress splits a server's address as the configuration has it:
// "unix:/path", or "host:port".
func ParseAddress(address string) (network, target string, err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			return "", "", fmt.Errorf("address %q: want an absolute path, such as unix:/run/php/php8.2-fpm.sock", address)
		}
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return "", "", fmt.Errorf("address %q: want host:port or unix:/path", address)
	}
	return "tcp", address, nil
}

// Dialer connects to one address. Make it with New.
type Dialer struct {
	// Dial makes a connection; it may be replaced before the first use.
	Dial func(ctx context.Context, network, target string) (net.Conn, error)

	address, network, target string
	timeout                  atomic.Int64 // a time.Duration
}

// New checks the address. A timeout of 0 is no limit but the caller's context.
func New(address string, timeout time.Duration) (*Dialer, error) {
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
	dialer := &Dialer{address: address, network: network, target: target, Dial: d.DialContext}
	dialer.SetTimeout(timeout)
	return dialer, nil
}

// SetTimeout sets the timeout of New for connections that are begun from now on.
func (d *Dialer) SetTimeout(timeout time.Duration) { d.timeout.Store(int64(timeout)) }

// Address is the server's, as it was given to New.
func (d *Dialer) Address() string { return d.address }

func isLoopback(target string) bool {
	at, err := netip.ParseAddrPort(target)
	return err == nil && at.Addr().IsLoopback()
}

// Waits between attempts on a unix socket whose queue is full.
const (
	firstRetry = time.Millisecond
	lastRetry  = 20 * time.Millisecond
)

// Connect makes a connection, or an *Error. When ctx ends, that wraps its cause.
func (d *Dialer) Connect(ctx context.Context) (net.Conn, error) {
	dial := d.connect
	if d.network == "unix" {
		dial = d.connectUnix
	}
	conn, err := dial(ctx)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return nil, &Error{Address: d.address, Err: err}
}

func (d *Dialer) connect(ctx context.Context) (net.Conn, error) {
	ctx, stop := d.limited(ctx)
	defer stop()
	return d.Dial(ctx, d.network, d.target)
}

// connectUnix tries again while the socket's queue is full: there that is EAGAIN
// at once, where TCP would wait for room. Nothing else takes any time, so that a
// time-out, which costs as much as a tenth of the connection, waits until then.
func (d *Dialer) connectUnix(ctx context.Context) (net.Conn, error) {
	conn, err := d.Dial(ctx, d.network, d.target)
	if !errors.Is(err, syscall.EAGAIN) {
		return conn, err
	}
	ctx, stop := d.limited(ctx)
	defer stop()
	for wait := firstRetry; errors.Is(err, syscall.EAGAIN) && pause(ctx, wait); wait = min(2*wait, lastRetry) {
		conn, err = d.Dial(ctx, d.network, d.target)
	}
	return conn, err
}

// limited is ctx for as long as a connection may take.
func (d *Dialer) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := time.Duration(d.timeout.Load())
	if timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, timeout)
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
