package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/freeport"
)

// acceptPause keeps a process that has no file descriptor left from spinning.
const acceptPause = 5 * time.Millisecond

// Proxy passes connections to a target. Its methods may be called from several
// goroutines.
type Proxy struct {
	network, target string
	port            *freeport.Port
	running         sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	listener net.Listener // nil while connections are refused
	links    map[*link]struct{}
	thawed   chan struct{} // closed unless frozen
	dropping bool
	delay    time.Duration
	budget   int // bytes that still pass to the server; unbounded below 0
}

// New starts a proxy in front of target, "host:port" or "unix:/path". The
// target need not be up.
func New(target string) (*Proxy, error) {
	port, err := freeport.Take()
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	p := &Proxy{network: "tcp", target: target, port: port, links: make(map[*link]struct{}), thawed: make(chan struct{}), budget: -1}
	close(p.thawed)
	if path, ok := strings.CutPrefix(target, "unix:"); ok {
		p.network, p.target = "unix", path
	}
	if err := p.Accept(); err != nil {
		port.GiveBack()
		return nil, err
	}
	return p, nil
}

// Start is New for a test, with which the proxy ends.
func Start(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p, err := New(target)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// Address is where the proxy listens, "127.0.0.1:6379".
func (p *Proxy) Address() string { return p.port.Address() }

// Accept has the proxy listen, as it does at first.
func (p *Proxy) Accept() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil || p.closed {
		return nil
	}
	l, err := net.Listen("tcp", p.Address())
	if err != nil {
		return fmt.Errorf("faultproxy: %w", err)
	}
	p.listener = l
	p.running.Go(func() { p.serve(l) })
	return nil
}

// Refuse has the system refuse new connections, as where no process listens.
// Those that are open stay.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
}

// serve takes connections until the listener is closed.
func (p *Proxy) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(acceptPause)
			continue
		}
		p.take(l, conn)
	}
}

// take starts a link for a connection, unless the listener has been closed
// since.
func (p *Proxy) take(l net.Listener, conn net.Conn) {
	ctx, cancel := context.WithCancelCause(context.Background())
	k := &link{proxy: p, client: conn, ctx: ctx, cut: cancel, ended: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != l {
		cancel(nil)
		reset(conn)
		return
	}
	p.links[k] = struct{}{}
	p.running.Go(k.run)
}

func (p *Proxy) forget(k *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, k)
}

// Connections is the number of clients that are connected.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Close cuts every connection, ends the proxy and waits for its goroutines.
// Further calls do nothing.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.Cut()
	p.running.Wait()
	p.port.GiveBack()
}
