package freeport_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/sessiongate/sessiongate/internal/freeport"
)

func take(t *testing.T) *freeport.Port {
	t.Helper()
	p, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.GiveBack)
	return p
}

func TestPortCanBeListenedOnAgainAndAgain(t *testing.T) {
	p := take(t)
	for range 3 {
		if conn, err := net.Dial("tcp", p.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("nobody listens: %v, %v", conn, err)
		}
		l, err := net.Listen("tcp", p.Address())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", p.Address())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		l.Close()
	}
}

func TestPortIsTakenOnce(t *testing.T) {
	seen := make(map[int]bool)
	for range 200 {
		p := take(t)
		if seen[p.Number()] {
			t.Fatalf("port %d was taken twice", p.Number())
		}
		seen[p.Number()] = true
	}
	// Those who ask the kernel for any port do not get one of them.
	for range 200 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if n := l.Addr().(*net.TCPAddr).Port; seen[n] {
			t.Fatalf("port %d was given to somebody else", n)
		}
	}
}

func TestGivingBackTwiceTakesNothingFromOthers(t *testing.T) {
	first := take(t)
	first.GiveBack()
	second := take(t) // has the descriptor that the first had
	first.GiveBack()
	third := take(t)
	if second.Number() == third.Number() {
		t.Errorf("port %d was taken twice", second.Number())
	}
}
