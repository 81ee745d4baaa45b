package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// switching is the 101 of the backends below.
const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, X-Hop\r\nUpgrade: echo\r\nX-Hop: 1\r\nX-Kept: 1\r\nX-Sessiongate: hold=0s\r\n\r\n"

// upgrading runs a gate before a backend that answers offers to upgrade with
// the head, and then has serve speak; other requests get "ok".
func upgrading(t *testing.T, head string, serve func(c net.Conn, in *bufio.Reader), parts ...string) *gate {
	t.Helper()
	backend := rawBackend(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if req.Header.Get("Upgrade") == "" {
				io.WriteString(c, okAnswer)
				continue
			}
			io.WriteString(c, head)
			serve(c, in)
			return
		}
	})
	parts = append([]string{fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend)}, parts...)
	return startGate(t, parts...)
}

func echo(c net.Conn, in *bufio.Reader) { _, _ = io.Copy(c, in) }

// upgrade asks for the protocol "echo" and reads the 101.
func (c *conn) upgrade(t *testing.T, path string) *http.Response {
	t.Helper()
	c.ask(t, "GET", path, "one", "Connection: Upgrade", "Upgrade: echo")
	return c.wantSwitched(t)
}

func (c *conn) wantSwitched(t *testing.T) *http.Response {
	t.Helper()
	resp := c.head(t)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %s", resp.Status)
	}
	return resp
}

// wantEcho sends bytes and expects them back.
func (c *conn) wantEcho(t *testing.T, text string) {
	t.Helper()
	c.write(t, text)
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c.in, got); err != nil || string(got) != text {
		t.Fatalf("got %q, %v; want %q", got, err, text)
	}
}

func echoMessages(c *websocket.Conn) {
	var message string
	for websocket.Message.Receive(c, &message) == nil && websocket.Message.Send(c, message) == nil {
	}
}

func TestAWebSocketIsEchoedAndHoldsNoTurn(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			websocket.Handler(echoMessages).ServeHTTP(w, r)
		}
	}))
	t.Cleanup(backend.Close)
	g := startTLSGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend.Listener.Addr()),
		"lock: {wait_timeout: 10s, on_lease_lost: abort}", "spool: {body_memory: 4KiB}")
	config, err := websocket.NewConfig("wss://gate.test/ws", "https://gate.test")
	if err != nil {
		t.Fatal(err)
	}
	config.Header.Set("Cookie", cookie)
	c := g.dialTLS(t, "http/1.1")
	ws, err := websocket.NewClient(config, c)
	if err != nil {
		t.Fatal(err)
	}
	g.awaitMetric(t, "sessions", 0) // the turn has ended
	g.do(overTLS(request(t, "GET", "/", "one", nil))).want(t, 200)
	sent := int64(0)
	for _, size := range []int{1, 125, 126, 100_000} {
		message := strings.Repeat("m", size)
		if err := websocket.Message.Send(ws, message); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := websocket.Message.Receive(ws, &got); err != nil || got != message {
			t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
		}
		sent += int64(size)
	}
	if n := g.metric(t, "upgraded"); n != 1 {
		t.Errorf("%v connections are upgraded", n)
	}
	if err := ws.Close(); err != nil {
		t.Fatal(err)
	}
	g.awaitMetric(t, "upgraded", 0)
	line := g.accessLine(t, "/ws")
	received, _ := line["received"].(float64)
	bytes, _ := line["bytes"].(float64)
	if line["status"] != 101.0 || line["upgraded"] != "websocket" || line["error"] != nil || int64(received) < sent || int64(bytes) < sent {
		t.Errorf("the access line is %v", line)
	}
	if n := g.metric(t, "upgraded_total"); n != 1 {
		t.Errorf("%v were upgraded", n)
	}
}

func TestTheHeadsOfAnUpgradeAreFiltered(t *testing.T) {
	seen := make(chan *http.Request, 1)
	backend := rawBackend(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		seen <- req
		io.WriteString(c, switching)
		echo(c, in)
	})
	g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend))
	c := g.dial(t)
	c.ask(t, "GET", "/", "one", "Connection: keep-alive, upgrade, X-Hop", "Upgrade: h2c, echo/1", "Upgrade: TLS/1.0,other", "HTTP2-Settings: AAMAAABkAAQAAP__", "X-Hop: 1", "TE: trailers")
	resp := c.head(t)
	if resp.StatusCode != http.StatusBadGateway { // "echo" was not offered, "echo/1" was
		t.Errorf("got %s", resp.Status)
	}
	req := <-seen
	if got := fmt.Sprint(req.Header["Connection"], req.Header["Upgrade"], req.Header["X-Hop"], req.Header["Http2-Settings"]); got != "[Upgrade TE] [echo/1, other] [] []" {
		t.Errorf("the upstream saw %s", got)
	}
	c = g.dial(t)
	resp = c.upgrade(t, "/")
	<-seen
	id := resp.Header.Get("X-Request-Id")
	resp.Header.Del("X-Request-Id")
	if got := fmt.Sprint(resp.Header); got != "map[Connection:[Upgrade] Upgrade:[echo] X-Kept:[1]]" || len(id) != 32 {
		t.Errorf("the client saw %s, X-Request-Id %q", got, id)
	}
}

// An offer may be ignored, and must be where requests could pass the gate
// unseen behind it.
func TestOffersToUpgradeThatAreIgnored(t *testing.T) {
	g, backend := inFrontOfRecorder(t, always(okAnswer), startGate)
	const get, post = "GET / HTTP/1.1\r\nHost: h\r\n", "POST / HTTP/1.1\r\nHost: h\r\n"
	for name, raw := range map[string]string{
		"h2c":                         get + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
		"h2c in capitals":             get + "Connection: Upgrade\r\nUpgrade: H2C\r\n\r\n",
		"TLS":                         get + "Connection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n\r\n",
		"HTTP/2.0":                    get + "Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n\r\n",
		"not named in Connection":     get + "Upgrade: websocket\r\n\r\n",
		"HTTP/1.0":                    "GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"with a body":                 get + "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi",
		"with a chunked body":         get + "Connection: Upgrade\r\nUpgrade: echo\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a WebSocket without GET":     post + "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
		"no token":                    get + "Connection: Upgrade\r\nUpgrade: h2c /1, websocket;x=1\r\n\r\n",
		"nothing at all":              get + "Connection: Upgrade\r\nUpgrade: ,\r\n\r\n",
		"an empty Upgrade":            get + "Connection: Upgrade\r\nUpgrade:\r\n\r\n",
		"Connection without upgrades": get + "Connection: Upgrade\r\n\r\n",
	} {
		c := g.dial(t)
		c.write(t, raw)
		c.answer(t).want(t, 200)
		lines := backend.last(t)
		if field(lines, "Upgrade") != "" || field(lines, "Connection") != "" || field(lines, "HTTP2-Settings") != "" {
			t.Errorf("%s: the upstream saw %q", name, lines)
		}
	}
}

func TestPHPGetsNoUpgrade(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)))
	for offer, status := range map[string]int{
		"websocket": 501, "WebSocket": 501, "h2c, websocket": 501, "echo": 200, "h2c": 200, "TLS/1.0": 200,
	} {
		c := g.dial(t)
		c.ask(t, "GET", "/env.php", "one", "Connection: Upgrade", "Upgrade: "+offer)
		a := c.answer(t).want(t, status)
		if status == 501 {
			a.wantRefusal(t, 501, "upgrade_unsupported")
			continue
		}
		env := environment(t, a)
		for _, name := range []string{"HTTP_UPGRADE", "HTTP_CONNECTION"} {
			if _, ok := env[name]; ok {
				t.Errorf("%s: PHP sees %s: %v", offer, name, env[name])
			}
		}
	}
}

func TestAnUpgradeThatTheUpstreamDoesNotWantIsAnsweredLikeAnything(t *testing.T) {
	g := upgrading(t, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nConnection: upgrade, close\r\nContent-Length: 2\r\n\r\nno", func(net.Conn, *bufio.Reader) {})
	c := g.dial(t)
	c.ask(t, "GET", "/no", "one", "Connection: Upgrade", "Upgrade: echo")
	c.ask(t, "GET", "/", "one") // is a request, for there was no 101
	if a := c.answer(t).want(t, http.StatusUpgradeRequired); a.body != "no" || a.header.Get("Upgrade") != "" {
		t.Errorf("got %q, %v", a.body, a.header)
	}
	if a := c.answer(t).want(t, 200); a.body != "ok" {
		t.Errorf("then came %q", a.body)
	}
	g.awaitMetric(t, "upgraded", 0)
}

func TestA101ThatNobodyHasAskedForIsABadGateway(t *testing.T) {
	for name, head := range map[string]string{
		"another protocol": strings.Replace(switching, "Upgrade: echo", "Upgrade: other", 1),
		"no protocol":      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"two":              strings.Replace(switching, "Upgrade: echo", "Upgrade: echo, other", 1),
	} {
		g := upgrading(t, head, func(c net.Conn, in *bufio.Reader) { _, _ = in.ReadByte() })
		c := g.dial(t)
		c.ask(t, "GET", "/", "one", "Connection: Upgrade", "Upgrade: echo")
		if a := c.answer(t); a.status != http.StatusBadGateway {
			t.Errorf("%s: got %d", name, a.status)
		}
		g.awaitMetric(t, `upstream_errors_total{kind="bad_response",upstream="php"}`, 1)
		g.awaitMetric(t, "sessions", 0)
	}
	g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", brokenFPM(t, switching)))
	g.get(t, "/", "one").wantRefusal(t, http.StatusBadGateway, "upstream_error")
}

// What stands behind the heads already belongs to the new protocol.
func TestBytesThatComeWithTheHeadsAreNotLost(t *testing.T) {
	g := upgrading(t, switching+"early", echo)
	c := g.dial(t)
	c.write(t, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nsoon ")
	c.wantSwitched(t)
	got := make([]byte, len("earlysoon "))
	if _, err := io.ReadFull(c.in, got); err != nil || string(got) != "earlysoon " {
		t.Errorf("got %q, %v", got, err)
	}
	c.wantEcho(t, "later")
}

// However a client is connected, it may end its sending and is still answered.
func TestAnUpgradedConnectionMayBeOfAnyKind(t *testing.T) {
	toItsEnd := func(c net.Conn, in *bufio.Reader) {
		said, _ := io.ReadAll(in)
		fmt.Fprintf(c, "you said %s", said)
	}
	for name, kind := range map[string]struct {
		config string
		dial   func(*gate) *conn
	}{
		"TCP":  {"", func(g *gate) *conn { return g.dial(t) }},
		"unix": {fmt.Sprintf("server: {listen: 'unix:%s'}", filepath.Join(filepath.Dir(fpmtest.Socket(t)), "gate.sock")), func(g *gate) *conn { return g.dial(t) }},
		"TLS":  {newCertificate(t).config(), func(g *gate) *conn { return g.dialTLS(t, "http/1.1") }},
		"PROXY": {"server: {proxy_protocol: true, trusted_proxies: ['127.0.0.0/8']}", func(g *gate) *conn {
			c := g.dial(t)
			c.write(t, "PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n")
			return c
		}},
	} {
		g := upgrading(t, switching, toItsEnd, kind.config)
		c := kind.dial(g)
		c.upgrade(t, "/")
		c.write(t, "all")
		c.halfClose(t)
		if got := c.awaitClosed(t); got != "you said all" {
			t.Errorf("%s: got %q", name, got)
		}
		g.awaitMetric(t, "upgraded", 0)
	}
}

func TestTheUpstreamOfAnUpgradedConnectionMayEndItsSending(t *testing.T) {
	heard := make(chan string, 1)
	g := upgrading(t, switching, func(c net.Conn, in *bufio.Reader) {
		io.WriteString(c, "bye")
		c.(*net.TCPConn).CloseWrite()
		said, _ := io.ReadAll(in)
		heard <- string(said)
	})
	c := g.dial(t)
	c.upgrade(t, "/")
	if got := c.awaitClosed(t); got != "bye" {
		t.Errorf("got %q", got)
	}
	c.write(t, "and you")
	c.Close()
	if got := <-heard; got != "and you" {
		t.Errorf("the upstream heard %q", got)
	}
	g.awaitMetric(t, "upgraded", 0)
}

func TestASideThatBreaksOffEndsTheOther(t *testing.T) {
	ended := make(chan error, 1)
	g := upgrading(t, switching, func(c net.Conn, in *bufio.Reader) {
		if said, _ := in.ReadString('\n'); said == "die\n" {
			_ = c.(*net.TCPConn).SetLinger(0)
			return // reset
		}
		for { // until the gate closes the connection
			if _, err := io.WriteString(c, "tick\n"); err != nil {
				ended <- err
				return
			}
		}
	})
	c := g.dial(t)
	c.upgrade(t, "/")
	c.write(t, "die\n")
	c.awaitClosed(t)
	g.awaitMetric(t, "upgraded", 0)

	c = g.dial(t)
	c.upgrade(t, "/")
	c.write(t, "live\n")
	if _, err := c.in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
	if err := <-ended; err == nil {
		t.Error("the upstream's connection goes on")
	}
	g.awaitMetric(t, "upgraded", 0)
}

func TestUpgradedConnectionsAreBounded(t *testing.T) {
	for settings, want := range map[string]struct {
		status int
		reason string
	}{
		"server: {max_upgraded: 2, max_upgraded_per_client: 0}": {503, "upgraded_total"},
		"server: {max_upgraded_per_client: 2}":                  {429, "upgraded_client"},
	} {
		g := upgrading(t, switching, echo, settings)
		open := []*conn{g.dial(t), g.dial(t)}
		for _, c := range open {
			c.upgrade(t, "/")
		}
		late := g.dial(t)
		late.ask(t, "GET", "/", "one", "Connection: Upgrade", "Upgrade: echo")
		a := late.answer(t).wantRefusal(t, want.status, want.reason)
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", want.reason)
		}
		g.get(t, "/", "one").want(t, 200) // others are not concerned
		open[0].Close()
		g.awaitMetric(t, "upgraded", 1)
		g.dial(t).upgrade(t, "/")
		open[1].wantEcho(t, "hello")
	}
}

func TestAnUpgradedConnectionOnWhichNothingMovesIsClosed(t *testing.T) {
	t.Parallel()
	const idle = time.Second
	g := upgrading(t, switching, echo, "server: {upgraded_idle_timeout: 1s}")
	c := g.dial(t)
	c.upgrade(t, "/busy")
	began := time.Now()
	for time.Since(began) < 2*idle { // small things keep it open
		c.wantEcho(t, "x")
		<-time.After(idle / 20)
	}
	if rest := c.awaitClosed(t); rest != "" {
		t.Errorf("came %q", rest)
	}
	if cause, _ := g.accessLine(t, "/busy")["error"].(string); !strings.Contains(cause, "upgraded_idle_timeout") {
		t.Errorf("the access line says %q", cause)
	}
}

// A client that takes nothing cannot keep its upstream sending for ever.
func TestAnUpgradedClientThatReadsNothingIsGivenUp(t *testing.T) {
	ended := make(chan error, 1)
	g := upgrading(t, switching, func(c net.Conn, _ *bufio.Reader) {
		_, err := io.Copy(c, endless{})
		ended <- err
	}, "server: {write_idle_timeout: 300ms}")
	c := g.dial(t)
	c.upgrade(t, "/")
	if err := <-ended; err == nil {
		t.Error("the upstream could say all it had")
	}
	g.awaitMetric(t, "upgraded", 0)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// The client leaves before the upstream has switched: nobody is left to pass
// bytes to, and the turn comes back once.
func TestAClientThatLeavesBeforeThe101LeavesNothing(t *testing.T) {
	asked, left, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	backend := rawBackend(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if req.Header.Get("Upgrade") == "" {
			io.WriteString(c, okAnswer)
			return
		}
		close(asked)
		<-left
		io.WriteString(c, switching)
		_, err = in.ReadByte()
		ended <- err
	})
	g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend))
	c := g.dial(t)
	c.ask(t, "GET", "/", "one", "Connection: Upgrade", "Upgrade: echo")
	<-asked
	c.Close()
	g.awaitMetric(t, `client_gone_total{stage="forward"}`, 1)
	next := g.queue(t, "/", "one", 1)
	close(left)
	receive(t, next).want(t, 200)
	if err := <-ended; err == nil {
		t.Error("the upstream's connection was not closed")
	}
	g.awaitMetric(t, "upgraded", 0)
	g.awaitMetric(t, "in_flight", 0)
}

func TestA101MayHoldTheTurn(t *testing.T) {
	g := upgrading(t, strings.Replace(switching, "hold=0s", "hold=300ms", 1), echo)
	c := g.dial(t)
	asked := time.Now()
	c.upgrade(t, "/")
	g.get(t, "/", "one").want(t, 200)
	if after := time.Since(asked); after < 300*time.Millisecond {
		t.Errorf("the next request was over after %v", after)
	}
	c.wantEcho(t, "hello")
}

// A drain closes upgraded connections when it closes the listeners; it does not
// wait for them, and goes on waiting for requests.
func TestADrainClosesUpgradedConnections(t *testing.T) {
	answered := make(chan struct{})
	g := inFrontOfHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			<-answered
			return
		}
		c, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, switching)
		echo(c, buffered.Reader)
	})
	c := g.dial(t)
	c.upgrade(t, "/ws")
	c.wantEcho(t, "hello")
	running := g.start(t, "/", "two")
	g.awaitMetric(t, "in_flight", 2)
	drained := make(chan error, 1)
	go func() { drained <- g.app.Drain(t.Context()) }()
	if rest := c.awaitClosed(t); rest != "" {
		t.Errorf("came %q", rest)
	}
	select {
	case err := <-drained:
		t.Fatalf("the drain did not wait for the request: %v", err)
	default:
	}
	close(answered)
	receive(t, running).want(t, 200)
	if err := <-drained; err != nil {
		t.Errorf("drain: %v", err)
	}
	if cause, _ := g.accessLine(t, "/ws")["error"].(string); !strings.Contains(cause, "drains") {
		t.Errorf("the access line says %q", cause)
	}
}
