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

	"github.com/sessiongate/sessiongate/proxy/dial"
)

func TestRefusedConnectionIsADialError(t *testing.T) {
	for _, address := range []string{"127.0.0.1:1", "unix:" + filepath.Join(t.TempDir(), "none.sock")} {
		php := newClient(t, Options{Address: address})
		req, body := php.post(zeros(5), 5)
		_, err := php.RoundTrip(req)
		var failed *dial.Error
		if !errors.As(err, &failed) || failed.Address != address {
			t.Errorf("%s: %v, want a *dial.Error", address, err)
		}
		if body.count() != 1 {
			t.Errorf("%s: the body was closed %d times", address, body.count())
		}
	}
}

// dialTo is a transport whose connections are made by with.
func dialTo(t *testing.T, address string, timeout time.Duration, with func(context.Context, string, string) (net.Conn, error)) *client {
	return newClient(t, Options{Address: address, ConnectTimeout: timeout, DialContext: with})
}

func TestConnectTimeoutIsADialError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		php := dialTo(t, "php:9000", 2*time.Second, func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		begun := time.Now()
		_, err := php.RoundTrip(php.request("GET", "/", ""))
		var failed *dial.Error
		if !errors.As(err, &failed) || time.Since(begun) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestContextThatEndsWhileConnectingGivesItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		php := dialTo(t, "php:9000", time.Minute, func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errEnough) })
		_, err := php.RoundTrip(php.request("GET", "/", "").WithContext(ctx))
		var failed *dial.Error
		if !errors.Is(err, errEnough) || !errors.As(err, &failed) {
			t.Errorf("error %v, want the cause in a *dial.Error", err)
		}
	})
}

// A unix socket with a full queue refuses at once; there will be room soon.
func TestFullSocketQueueIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := 5
		server := serve(t, Options{}, answer(stdout(okHeader+"ok"), ended(0)))
		php := dialTo(t, "unix:/run/fpm.sock", time.Second, func(ctx context.Context, network, target string) (net.Conn, error) {
			if full--; full >= 0 {
				return nil, &net.OpError{Op: "dial", Net: "unix", Err: syscall.EAGAIN}
			}
			return server.dialer.Dial(ctx, network, target)
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
