package e2e

import (
	"bufio"
	"net"
	"testing"
	"time"
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
