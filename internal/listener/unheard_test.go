package listener_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/listener"
)

// unheardServer is a server on a listener of the test's, in a bubble.
func unheardServer(t *testing.T, h http.HandlerFunc) (u *listener.Unheard, accept func() net.Conn) {
	t.Helper()
	u = listener.NewUnheard()
	l := &pipeListener{accepted: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: u.Handler(h), ConnContext: u.ConnContext, ConnState: u.ConnState, ReadHeaderTimeout: time.Minute}
	ended := make(chan error)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-ended
	})
	return u, func() net.Conn {
		ours, theirs := net.Pipe()
		l.accepted <- theirs
		t.Cleanup(func() { ours.Close() })
		synctest.Wait()
		return ours
	}
}

// pipeListener accepts what the test gives it.
type pipeListener struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// waits says whether Wait does.
func waits(t *testing.T, u *listener.Unheard) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	u.Wait(ctx)
	return ctx.Err() != nil
}

func TestAConnectionIsUnheardUntilItsFirstRequestIsHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		u, accept := unheardServer(t, func(http.ResponseWriter, *http.Request) { <-goOn })
		if waits(t, u) {
			t.Error("it waits for nobody")
		}
		c := accept()
		if !waits(t, u) {
			t.Error("a connection without a request")
		}
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\n")
		if !waits(t, u) {
			t.Error("half a header")
		}
		io.WriteString(c, "\r\n")
		if waits(t, u) {
			t.Error("the request is being handled")
		}
		close(goOn)
		if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
			t.Fatal(err)
		}
		if waits(t, u) {
			t.Error("a kept connection")
		}
	})
}

func TestAConnectionThatEndsWithoutARequestIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, accept := unheardServer(t, func(http.ResponseWriter, *http.Request) {})
		left, wrong := accept(), accept()
		done := make(chan struct{})
		go func() {
			defer close(done)
			u.Wait(t.Context())
		}()
		left.Close()
		synctest.Wait()
		select {
		case <-done:
			t.Error("it did not wait for the other one")
		default:
		}
		go io.Copy(io.Discard, wrong) // 400
		io.WriteString(wrong, "no HTTP\r\n\r\n")
		<-done
		wrong.Close()
	})
}
