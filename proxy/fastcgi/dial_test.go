package fastcgi

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestAddresses(t *testing.T) {
	for address, want := range map[string][2]string{
		"127.0.0.1:9000":                {"tcp", "127.0.0.1:9000"},
		"[::1]:9000":                    {"tcp", "[::1]:9000"},
		"php:9000":                      {"tcp", "php:9000"},
		"unix:/run/php/php8.2-fpm.sock": {"unix", "/run/php/php8.2-fpm.sock"},
	} {
		if network, target, err := ParseAddress(address); err != nil || network != want[0] || target != want[1] {
			t.Errorf("%s: %s %s %v", address, network, target, err)
		}
	}
	for _, address := range []string{"", "php", ":9000", "php:", "unix:", "unix:fpm.sock", "/run/fpm.sock"} {
		if network, target, err := ParseAddress(address); err == nil {
			t.Errorf("%q: %s %s, want an error", address, network, target)
		}
	}
}

func TestRefusedConnectionIsADialError(t *testing.T) {
	for _, address := range []string{"127.0.0.1:1", "unix:" + filepath.Join(t.TempDir(), "none.sock")} {
		php := newClient(t, Options{Address: address})
		req, body := php.post(zeros(5), 5)
		_, err := php.RoundTrip(req)
		var dial *DialError
		if !errors.As(err, &dial) || dial.Address != address {
			t.Errorf("%s: %v, want a *DialError", address, err)
		}
		if body.count() != 1 {
			t.Errorf("%s: the body was closed %d times", address, body.count())
		}
	}
}

// dialTo is a transport whose connections are made by dial.
func dialTo(t *testing.T, timeout time.Duration, dial func(context.Context, string, string) (net.Conn, error)) *client {
	return newClient(t, Options{Address: "unix:/run/fpm.sock", ConnectTimeout: timeout, DialContext: dial})
}

func TestConnectTimeoutIsADialError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		php := dialTo(t, 2*time.Second, func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		begun := time.Now()
		_, err := php.RoundTrip(php.request("GET", "/", ""))
		var dial *DialError
		if !errors.As(err, &dial) || time.Since(begun) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestContextThatEndsWhileConnectingGivesItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		php := dialTo(t, time.Minute, func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errEnough) })
		_, err := php.RoundTrip(php.request("GET", "/", "").WithContext(ctx))
		var dial *DialError
		if !errors.Is(err, errEnough) || !errors.As(err, &dial) {
			t.Errorf("error %v, want the cause in a *DialError", err)
		}
	})
}

// A unix socket with a full queue refuses at once; there will be room soon.
func TestFullSocketQueueIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := 5
		server := serve(t, Options{}, answer(stdout(okHeader+"ok"), ended(0)))
		php := dialTo(t, time.Second, func(ctx context.Context, network, target string) (net.Conn, error) {
			if full--; full >= 0 {
				return nil, &net.OpError{Op: "dial", Net: "unix", Err: syscall.EAGAIN}
			}
			return server.dialer.dial(ctx, network, target)
		})
		if _, body := php.fetch(php.request("GET", "/", "")); body != "ok" {
			t.Errorf("body %q", body)
		}
		full = 1 << 30
		begun := time.Now()
		_, err := php.RoundTrip(php.request("GET", "/", ""))
		if !errors.Is(err, syscall.EAGAIN) || time.Since(begun) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}
