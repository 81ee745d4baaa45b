package systemd

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// supervisor is a socket on which systemd would listen.
type supervisor struct {
	*testing.T
	conn *net.UnixConn
}

// listen takes the place of systemd until the test ends.
func listen(t *testing.T, address string) *supervisor {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv(notifySocket, address)
	return &supervisor{T: t, conn: conn}
}

// receive is the next message.
func (s *supervisor) receive() string {
	s.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.Fatal(err)
	}
	message := make([]byte, 8192)
	n, err := s.conn.Read(message)
	if err != nil {
		s.Fatal(err)
	}
	return string(message[:n])
}

func (s *supervisor) want(want string) {
	s.Helper()
	if got := s.receive(); got != want {
		s.Errorf("got %q, want %q", got, want)
	}
}

// must is for what is not to fail.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestSystemdIsToldInItsProtocol(t *testing.T) {
	for name, address := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": fmt.Sprintf("@sessiongate-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t, address)
			n := NewNotifier()
			must(t, n.Ready("serving"))
			s.want("READY=1\nSTATUS=serving")
			before := monotonic()
			must(t, n.Reloading())
			at, ok := strings.CutPrefix(s.receive(), "RELOADING=1\nMONOTONIC_USEC=")
			if usec, err := strconv.ParseInt(at, 10, 64); !ok || err != nil || usec < before.Microseconds() || usec > monotonic().Microseconds() {
				t.Errorf("reloading at %q, want a time from %v on", at, before)
			}
			must(t, n.Stopping("draining", 35*time.Second))
			s.want("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=35000000")
			must(t, n.Ready("serving")) // a reload that ends now
			must(t, n.Reloading())
			must(t, n.Stopping("draining", 0))
			s.want("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=31536000000000")
		})
	}
}

func TestNothingIsSentWhereSystemdDidNotAsk(t *testing.T) {
	t.Setenv(notifySocket, "")
	n := NewNotifier()
	must(t, errors.Join(n.Ready("serving"), n.Reloading(), n.Stopping("", 0)))
}

func TestNoChildInheritsTheSocket(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "notify"))
	n := NewNotifier()
	if address, is := os.LookupEnv(notifySocket); is {
		t.Errorf("it stays in the environment: %q", address)
	}
	must(t, n.Ready("serving"))
	s.want("READY=1\nSTATUS=serving")
}

func TestASocketThatIsNoneIsAnError(t *testing.T) {
	for address, want := range map[string]string{
		filepath.Join(t.TempDir(), "nobody"): "no such file",
		"vsock:2:1234":                       `NOTIFY_SOCKET: "vsock:2:1234" is neither a path`,
	} {
		t.Setenv(notifySocket, address)
		if err := NewNotifier().Ready("serving"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", address, err, want)
		}
	}
}

// Mistakes of a configuration stand in the status, and so does what they quote.
func TestAStatusCanSayNothingElse(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "notify"))
	n := NewNotifier()
	must(t, n.Ready("no key \"a\nMAINPID=1\r\x00\xff\""))
	s.want("READY=1\nSTATUS=no key \"a MAINPID=1  ?\"")
	must(t, n.Ready(strings.Repeat("é", 4000)))
	if got := s.receive(); len(got) > 1100 || !utf8.ValidString(got) || !strings.HasSuffix(got, "é…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// The kernel keeps a few messages for one who does not read; then it is full.
func TestAManagerThatDoesNotReadHoldsNobodyUpForLong(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "notify"))
	n := NewNotifier()
	n.patience = 10 * time.Millisecond
	var err error
	for err == nil {
		err = n.Reloading()
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	s.receive() // there is room again
	must(t, n.Stopping("draining", time.Second))
}

// Whoever ends a reload in the moment in which the drain begins is not heard after it.
func TestNothingTakesStoppingBack(t *testing.T) {
	for range 50 {
		s := listen(t, filepath.Join(t.TempDir(), "notify"))
		n := NewNotifier()
		var all sync.WaitGroup
		all.Go(func() { must(t, n.Ready("serving")) })
		all.Go(func() { must(t, n.Stopping("draining", time.Second)) })
		all.Wait()
		must(t, n.write("end"))
		var said bytes.Buffer
		for message := s.receive(); message != "end"; message = s.receive() {
			said.WriteString(message[:1])
		}
		if got := said.String(); got != "S" && got != "RS" {
			t.Fatalf("in the order %q", got)
		}
	}
}
