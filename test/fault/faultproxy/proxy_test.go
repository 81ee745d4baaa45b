package faultproxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/test/fault/faultproxy"
)

// silence is how long nothing has to come for a connection to count as silent.
const silence = 50 * time.Millisecond

// echo answers with what it gets, and keeps it.
type echo struct {
	address string

	mu   sync.Mutex
	got  bytes.Buffer
	ends []error // of each connection, io.EOF or a reset
}

func startEcho(t *testing.T) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{address: l.Addr().String()}
	var running sync.WaitGroup
	t.Cleanup(func() { l.Close(); running.Wait() })
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { e.serve(conn) })
		}
	})
	return e
}

func (e *echo) serve(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 1<<10)
	for {
		n, err := conn.Read(buffer)
		e.mu.Lock()
		e.got.Write(buffer[:n])
		if err != nil {
			e.ends = append(e.ends, err)
		}
		e.mu.Unlock()
		if err != nil {
			return
		}
		_, _ = conn.Write(buffer[:n])
	}
}

func (e *echo) received() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got.String()
}

func (e *echo) ended() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]error(nil), e.ends...)
}

func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(10 * time.Second); !true(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func dial(t *testing.T, p *faultproxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func say(t *testing.T, conn net.Conn, words string) {
	t.Helper()
	if _, err := io.WriteString(conn, words); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}

func hearNothing(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(silence))
	if n, err := conn.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("heard %d bytes, %v, want silence", n, err)
	}
}

// isReset says what the connection ends with, if not with a reset.
func isReset(t *testing.T, conn net.Conn) error {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := conn.Read(make([]byte, 100)); !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%d bytes, %w, want a reset", n, err)
	}
	return nil
}

func TestWithoutFaultsEverythingPasses(t *testing.T) {
	e := startEcho(t)
	p := faultproxy.Start(t, e.address)
	conn := dial(t, p)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB: both ways at once, more than buffers hold
	var writing sync.WaitGroup
	writing.Go(func() {
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
	})
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(conn)
	writing.Wait()
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d came back, %v", len(got), len(sent), err)
	}
	if ends := e.ended(); len(ends) != 1 || ends[0] != io.EOF {
		t.Errorf("the server saw %v, want the end of the stream", ends)
	}
	eventually(t, "the connection is gone", func() bool { return p.Connections() == 0 })
}

func TestResetPasses(t *testing.T) {
	e := startEcho(t)
	conn := dial(t, faultproxy.Start(t, e.address))
	say(t, conn, "hello")
	hear(t, conn, "hello")
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	eventually(t, "the server sees the reset", func() bool {
		ends := e.ended()
		return len(ends) == 1 && errors.Is(ends[0], syscall.ECONNRESET)
	})
}

func TestTargetThatIsDownIsAReset(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	conn, err := net.Dial("tcp", faultproxy.Start(t, l.Addr().String()).Address())
	if errors.Is(err, syscall.ECONNRESET) {
		return // sooner than Dial could return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := isReset(t, conn); err != nil {
		t.Error(err)
	}
}

func TestUnixTarget(t *testing.T) {
	dir, err := os.MkdirTemp("", "sg-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn := dial(t, faultproxy.Start(t, "unix:"+dir+"/s"))
	served, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	say(t, served, "hello")
	hear(t, conn, "hello")
}

func TestCloseEndsEverything(t *testing.T) {
	for name, fault := range map[string]func(*faultproxy.Proxy){
		"open":     func(*faultproxy.Proxy) {},
		"frozen":   (*faultproxy.Proxy).Freeze,
		"delayed":  func(p *faultproxy.Proxy) { p.Delay(time.Hour) },
		"refusing": (*faultproxy.Proxy).Refuse,
	} {
		t.Run(name, func(t *testing.T) {
			p := faultproxy.Start(t, startEcho(t).address)
			conn := dial(t, p)
			say(t, conn, "hello")
			hear(t, conn, "hello")
			fault(p)
			say(t, conn, "and then")
			p.Close()
			if p.Connections() != 0 {
				t.Errorf("%d connections are left", p.Connections())
			}
			if err := isReset(t, conn); err != nil && name != "open" && name != "refusing" { // those may have an answer to read first
				t.Error(err)
			}
			if _, err := net.Dial("tcp", p.Address()); err == nil {
				t.Error("a closed proxy takes a connection")
			}
			if err := p.Accept(); err != nil || p.Connections() != 0 {
				t.Errorf("after Close: %v", err)
			}
			p.Close()
		})
	}
}
