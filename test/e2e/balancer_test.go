package e2e

import (
	"bufio"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// balancing is a HAProxy that speaks HTTP, as its manual shows it.
const balancing = `
defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen web
  bind BIND
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Tainted yes if { path_beg /status }
  server gate GATE
`

// dialFrom connects to a proxy from another address of this machine.
func dialFrom(t *testing.T, from string, to net.Addr) *conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), to.Network(), to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &conn{Conn: c, in: bufio.NewReader(c)}
}

// HAProxy appends what it knows of the client to what the client sent, whose
// Connection it passes on. So the client could name in it what HAProxy says, and
// be whoever stands in a Forwarded of its own.
func TestAClientBehindHAProxyIsWhoHAProxySays(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {trusted_proxies: ['127.0.0.1/32']}", `rules:
  - {name: office, match: {path: [/counter.php], client: ['203.0.113.0/24']}}
  - {name: others, match: {path: [/counter.php]}, action: reject}
  - {name: tainted, match: {header: [{name: X-Tainted, value: '*'}]}, action: reject}
`)
	at, _ := runHAProxy(t, g, balancing)
	for name, lines := range map[string][]string{
		"names nothing":          {"Connection: keep-alive"},
		"names one field":        {"Connection: keep-alive, X-Forwarded-For"},
		"names all":              {"Connection: keep-alive, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Tainted"},
		"names them in two rows": {"Connection: x-forwarded-for", "Connection: X-Forwarded-Proto,x-tainted"},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialFrom(t, "127.0.0.2", at)
			lines = append(lines, "Forwarded: for=203.0.113.7;proto=http;host=evil.test")
			c.ask(t, "GET", "/env.php", "one", lines...)
			wantEnvironment(t, environment(t, c.answer(t)), map[string]any{
				"REMOTE_ADDR": "127.0.0.2", "HTTPS": "on", "HTTP_X_FORWARDED_FOR": "127.0.0.2", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "gate.test",
				"HTTP_FORWARDED": "for=127.0.0.2;host=gate.test;proto=https",
			})
			for _, path := range []string{"/counter.php", "/status.php"} {
				c := dialFrom(t, "127.0.0.2", at)
				c.ask(t, "GET", path, "one", lines...)
				c.answer(t).wantRefusal(t, 403, "rule")
			}
		})
	}
}

// believed are the fields that the gate takes, or passes on, from trusted proxies
// only. A balancer that does not set them has to delete them.
var believed = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Prefix",
	"X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded", "X-Real-IP", "X-Request-ID", "Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP",
	"CF-Connecting-IP", "X-Sendfile-Type", "X-Accel-Mapping",
}

// compose is deploy/compose/haproxy.cfg on this machine: another address to
// listen on, and one gate in place of two that a resolver knows.
func compose(t *testing.T) string {
	t.Helper()
	file, err := os.ReadFile("../../deploy/compose/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	config := string(file)
	for what, here := range map[string]string{
		"bind :8080":                                         "bind BIND",
		"server gate1 gate1:8080\n":                          "server gate1 GATE\n",
		"  server gate2 gate2:8080\n":                        "",
		" resolvers docker init-addr last,libc,none":         "",
		"resolvers docker\n  nameserver dns 127.0.0.11:53\n": "",
	} {
		if strings.Count(config, what) != 1 {
			t.Fatalf("deploy/compose/haproxy.cfg does not have %q once", what)
		}
		config = strings.Replace(config, what, here, 1)
	}
	return config
}

// What clients make up does not reach the gate as the balancer's word.
func TestTheSampleBalancerTakesNoClientsWord(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "server: {trusted_proxies: ['127.0.0.1/32'], ready_path: /gate-ready}")
	at, _ := runHAProxy(t, g, compose(t))
	gatetest.Eventually(t, func() bool { // it has asked for ready_path
		c := dialFrom(t, "127.0.0.2", at)
		c.ask(t, "GET", "/status.php", "one")
		return c.answer(t).status != 503
	}, func() string { return "HAProxy does not find the gate" })
	lines := []string{"Connection: keep-alive, " + strings.Join(believed, ", ")}
	for _, name := range believed {
		lines = append(lines, name+": evil", strings.ToLower(name)+": evil")
	}
	lines = append(lines, "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "Forwarded: for=6.6.6.6;proto=https;host=evil.test")
	c := dialFrom(t, "127.0.0.2", at)
	c.ask(t, "GET", "/env.php", "one", lines...)
	env := environment(t, c.answer(t))
	for name, value := range env {
		if text, _ := value.(string); name != "HTTP_CONNECTION" && (strings.Contains(text, "evil") || strings.Contains(text, "6.6.6.6")) {
			t.Errorf("PHP got %s = %q", name, text)
		}
	}
	wantEnvironment(t, env, map[string]any{
		"REMOTE_ADDR": "127.0.0.2", "HTTPS": nil, "HTTP_X_FORWARDED_FOR": "127.0.0.2", "HTTP_X_FORWARDED_PROTO": "http", "HTTP_X_FORWARDED_HOST": "gate.test",
		"HTTP_FORWARDED": "for=127.0.0.2;host=gate.test;proto=http",
	})
}
