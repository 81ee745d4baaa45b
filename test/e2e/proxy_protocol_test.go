package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/child"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
	"github.com/sessiongate/sessiongate/internal/freeport"
)

const believing = "server: {proxy_protocol: true, trusted_proxies: ['127.0.0.1/32']}"

func TestThePROXYProtocolTellsWhoTheClientIs(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), believing)
	c := g.dial(t)
	c.write(t, "PROXY TCP4 203.0.113.7 198.51.100.1 4711 8443\r\n")
	c.ask(t, "GET", "/env.php", "one", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https")
	env := environment(t, c.answer(t)) // the client's own headers are not the proxy's
	wantEnvironment(t, env, map[string]any{
		"REMOTE_ADDR": "203.0.113.7", "REMOTE_PORT": "4711", "SERVER_ADDR": "198.51.100.1", "SERVER_PORT": "8443", "HTTP_X_FORWARDED_FOR": "203.0.113.7", "HTTPS": nil,
	})
	if client := g.accessLine(t, "/env.php")["client"]; client != "203.0.113.7" {
		t.Errorf("client = %v", client)
	}
	unknown := g.dial(t)
	unknown.write(t, "PROXY UNKNOWN\r\n")
	unknown.ask(t, "GET", "/env.php", "one", "X-Forwarded-For: 6.6.6.6")
	wantEnvironment(t, environment(t, unknown.answer(t)), map[string]any{"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "unknown"})
	bare := g.dial(t)
	bare.ask(t, "GET", "/env.php", "one")
	if got := bare.awaitClosed(t); got != "" {
		t.Errorf("a trusted peer without a header got %q", got)
	}
	g.awaitMetric(t, "proxy_header_errors_total", 1)
}

// Behind the header comes TLS, and departures are seen through both.
func TestThePROXYProtocolComesBeforeTLS(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)), believing)
	dial := func() *conn {
		c := g.dial(t)
		c.write(t, "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n")
		over := tls.Client(c.Conn, clientTLS("http/1.1"))
		return &conn{Conn: over, in: bufio.NewReader(over)}
	}
	c := dial()
	c.ask(t, "GET", "/env.php", "one")
	wantEnvironment(t, environment(t, c.answer(t)), map[string]any{"REMOTE_ADDR": "2001:db8::7", "HTTPS": "on", "SERVER_PORT": "443"})
	j, end := newJournal(t), newBarrier(t)
	c.ask(t, "GET", end.page(j, "first"), "one")
	j.await(t, "begin first")
	gone := dial()
	gone.ask(t, "GET", j.page("slow", "gone", "ms=0"), "one")
	gone.write(t, "G")
	g.awaitMetric(t, "waiting", 1)
	gone.Close()
	end.lift(t)
	c.answer(t).want(t, 200)
	g.awaitMetric(t, `client_gone_total{stage="wait"}`, 1)
	if j.has(t, "begin gone") {
		t.Error("the client that left was served")
	}
	cut := dial()
	cut.write(t, "GET /abort.php HTTP/1.0\r\nHost: gate.test\r\n\r\n")
	if got, err := io.ReadAll(cut.in); err == nil {
		t.Errorf("a cut answer: %q and a clean end", got)
	}
}

func TestAPROXYHeaderOfAnybodyElseIsNotBelieved(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 1)), "server: {proxy_protocol: true, trusted_proxies: ['192.0.2.0/24']}")
	c := g.dial(t)
	c.write(t, "PROXY TCP4 203.0.113.7 198.51.100.1 4711 8443\r\n")
	c.ask(t, "GET", "/env.php", "one")
	if got := c.awaitClosed(t); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("got %q", got)
	}
	wantEnvironment(t, environment(t, g.get(t, "/env.php", "one")), map[string]any{"REMOTE_ADDR": "127.0.0.1"})
}

// A refusal reaches its client though the body is unread and the connection is
// wrapped.
func TestARefusalOutlivesTheBodyBehindThePROXYProtocol(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 1)), believing, "rules: [{name: no, match: {path: [/**]}, action: reject}]")
	body := strings.Repeat("x", 4<<20)
	c := g.dial(t)
	c.write(t, "PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n"+fmt.Sprintf("POST / HTTP/1.1\r\nHost: gate.test\r\nContent-Length: %d\r\n\r\n", len(body)))
	c.write(t, body)
	c.answer(t).wantRefusal(t, 403, "rule")
}

// startHAProxy runs a real HAProxy in front of a gate; options are its
// server's. It listens on a port, and on a socket.
func startHAProxy(t *testing.T, g *gate, options string) (at net.Addr, socket string) {
	t.Helper()
	return runHAProxy(t, g, "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\nlisten l\n bind BIND\n server gate GATE "+options+"\n")
}

// runHAProxy runs it with a configuration in which BIND stands for the addresses
// that it listens on and GATE for the gate's.
func runHAProxy(t *testing.T, g *gate, config string) (at net.Addr, socket string) {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.GiveBack)
	dir := filepath.Dir(fpmtest.Socket(t))
	file, socket := filepath.Join(dir, "haproxy.cfg"), filepath.Join(dir, "haproxy.sock")
	server := g.addr
	if g.network == "unix" {
		server = "unix@" + g.addr
	}
	config = strings.NewReplacer("BIND", port.Address()+",unix@"+socket, "GATE", server).Replace(config)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := exec.LookPath("haproxy")
	if err != nil {
		binary = "/usr/sbin/haproxy" // not in everybody's PATH
	}
	c, err := child.Start(binary, "-db", "-f", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	at = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port.Number()}
	eventually(t, func() bool {
		probe, err := new(net.Dialer).DialContext(t.Context(), "unix", socket)
		if err == nil {
			probe.Close()
		}
		return err == nil
	}, func() string { return "HAProxy says " + c.Said() })
	return at, socket
}

func TestBehindARealHAProxy(t *testing.T) {
	pool := startPHP(t, 2)
	overUnix := fmt.Sprintf("server: {listen: 'unix:%s'}", filepath.Join(filepath.Dir(fpmtest.Socket(t)), "gate.sock"))
	for name, tc := range map[string]struct{ options, listen string }{
		"version 1":              {"send-proxy", "{}"},
		"version 2":              {"send-proxy-v2", "{}"},
		"version 2 over a unix":  {"send-proxy-v2", overUnix},
		"with its health checks": {"send-proxy-v2 check inter 50ms", "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			g := startGate(t, inFrontOf(pool), believing, tc.listen)
			at, socket := startHAProxy(t, g, tc.options)
			through := func(from net.IP, to net.Addr) map[string]any {
				d := net.Dialer{}
				if from != nil {
					d.LocalAddr = &net.TCPAddr{IP: from}
				}
				raw, err := d.DialContext(t.Context(), to.Network(), to.String())
				if err != nil {
					t.Fatal(err)
				}
				defer raw.Close()
				c := &conn{Conn: raw, in: bufio.NewReader(raw)}
				c.ask(t, "GET", "/env.php", "one", "X-Forwarded-For: 6.6.6.6")
				env := environment(t, c.answer(t))
				env["client's port"] = portOf(c.LocalAddr().String())
				return env
			}
			env := through(net.IPv4(127, 0, 0, 2), at)
			wantEnvironment(t, env, map[string]any{"REMOTE_ADDR": "127.0.0.2", "REMOTE_PORT": env["client's port"], "SERVER_PORT": portOf(at.String()), "HTTP_X_FORWARDED_FOR": "127.0.0.2"})
			wantEnvironment(t, through(nil, &net.UnixAddr{Net: "unix", Name: socket}), map[string]any{"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "unknown"})
			if n := g.metric(t, "proxy_header_errors_total"); n != 0 {
				t.Errorf("%v bad headers: %s", n, g.log)
			}
		})
	}
}
