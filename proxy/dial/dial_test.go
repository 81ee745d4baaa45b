package dial

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// failing is a dialer whose connections are made by with.
func failing(t *testing.T, address string, with func(context.Context, string, string) (net.Conn, error)) *Dialer {
	t.Helper()
	d, err := New(address, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	d.Dial = with
	return d
}

func connectFails(t *testing.T, ctx context.Context, d *Dialer) *Error {
	t.Helper()
	_, err := d.Connect(ctx)
	failed, ok := errors.AsType[*Error](err)
	if !ok || failed.Address != d.Address() {
		t.Fatalf("%v, want an *Error of %s", err, d.Address())
	}
	return failed
}

func TestWhatASystemCallSaysIsTheServersFaultOrNot(t *testing.T) {
	for errno, fault := range map[syscall.Errno]bool{
		syscall.ECONNREFUSED: true, syscall.ENOENT: true, syscall.EACCES: true, syscall.EHOSTUNREACH: true, syscall.ETIMEDOUT: true,
		syscall.EMFILE: false, syscall.ENFILE: false, syscall.EADDRNOTAVAIL: false, syscall.ENOBUFS: false, syscall.ENOMEM: false,
	} {
		d := failing(t, "unix:/run/fpm.sock", func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", errno)}
		})
		if failed := connectFails(t, t.Context(), d); failed.ServerFault() != fault || !errors.Is(failed, errno) {
			t.Errorf("%v: the server's fault %v, want %v", failed, failed.ServerFault(), fault)
		}
	}
}

func TestAServerThatDoesNotAnswerIsAtFaultAndOneThatIsBusyIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := failing(t, "php:9000", func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if failed := connectFails(t, t.Context(), silent); !failed.ServerFault() {
			t.Errorf("after the time-out: %v is not the server's fault", failed)
		}
		busy := failing(t, "unix:/run/fpm.sock", func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "unix", Err: syscall.EAGAIN}
		})
		if failed := connectFails(t, t.Context(), busy); failed.ServerFault() {
			t.Errorf("a full queue: %v is the server's fault", failed)
		}
	})
}

func TestACallerThatEndsIsNotTheServersFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough := errors.New("enough")
		d := failing(t, "php:9000", func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(enough) })
		if failed := connectFails(t, ctx, d); failed.ServerFault() || !errors.Is(failed, enough) {
			t.Errorf("%v: the server's fault %v", failed, failed.ServerFault())
		}
	})
}

func TestNobodyThereIsTheServersFault(t *testing.T) {
	for _, address := range []string{"127.0.0.1:1", "unix:" + filepath.Join(t.TempDir(), "none.sock")} {
		d, err := New(address, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if failed := connectFails(t, t.Context(), d); !failed.ServerFault() {
			t.Errorf("%v is not the server's fault", failed)
		}
	}
}
