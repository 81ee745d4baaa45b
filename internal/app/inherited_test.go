package app

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnInheritedListenerIsTakenOnlyWhereItIsWhatTheKeySays(t *testing.T) {
	tcp := func(address string) net.Addr {
		at, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct {
		at      net.Addr
		address string
		want    bool
	}{
		{tcp("[::]:80"), ":80", true},
		{tcp("0.0.0.0:80"), ":80", true},
		{tcp("[::]:80"), ":8080", false},
		{tcp("[::]:80"), "127.0.0.1:80", false}, // everybody's in place of this machine's
		{tcp("[::]:80"), "0.0.0.0:80", false},
		{tcp("127.0.0.1:80"), ":80", false},
		{tcp("127.0.0.1:80"), "127.0.0.1:80", true},
		{tcp("127.0.0.1:80"), "localhost:80", true},
		{tcp("192.0.2.1:80"), "localhost:80", false},
		{tcp("[::1]:80"), "[::1]:80", true},
		{tcp("[::]:80"), "unix:/run/gate.sock", false},
		{&net.UnixAddr{Name: "/run/gate.sock", Net: "unix"}, "unix:/run/gate.sock", true},
		{&net.UnixAddr{Name: "/run/other.sock", Net: "unix"}, "unix:/run/gate.sock", false},
		{&net.UnixAddr{Name: "/run/gate.sock", Net: "unix"}, ":80", false},
	} {
		if got := isAt(t.Context(), c.at, c.address); got != c.want {
			t.Errorf("%s for %s: %v", c.at, c.address, got)
		}
	}
}

func TestInheritedListenersAreTakenOrRefused(t *testing.T) {
	tcp := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	socket, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	public, other, unused := tcp(), tcp(), "127.0.0.1:0"
	atSocket := "unix:" + socket.Addr().String()

	a := &App{inherited: inherited{public, socket}}
	if err := a.open(t.Context(), public.Addr().String(), atSocket); err != nil || a.publicAt != public || a.adminAt != socket {
		t.Errorf("both: %v", err)
	}
	for what, a := range map[string]*App{
		"neither server.listen (127.0.0.1:0) nor admin.listen (" + atSocket + ")": {inherited: inherited{other}},
		"two sockets": {inherited: inherited{socket, socket}},
	} {
		err := a.open(t.Context(), unused, atSocket)
		if err == nil || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "ListenStream=") {
			t.Errorf("error %v, want %q", err, what)
		}
	}
	if c, err := net.Dial("tcp", other.Addr().String()); err == nil {
		c.Close()
		t.Error("a listener that was refused is still open")
	}
}
