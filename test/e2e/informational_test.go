package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
)

const earlyHint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Sessiongate: release\r\n\r\n"

// hintsOf asks for / and returns the informational answers that came before the
// answer.
func hintsOf(t *testing.T, g *gate, req *http.Request) (hints []string, a answer) {
	t.Helper()
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, http.Header(h)))
		return nil
	}}
	a = g.do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	return hints, a
}

func TestInformationalAnswersPassAtOnce(t *testing.T) {
	answered := make(chan struct{})
	backend := rawBackend(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"+earlyHint)
			<-answered
			io.WriteString(c, okAnswer)
		}
	})
	g := startTLSGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend))
	c := g.dialTLS(t, "http/1.1")
	c.ask(t, "GET", "/", "one")
	if resp := c.head(t); resp.StatusCode != http.StatusProcessing {
		t.Errorf("first comes %s", resp.Status)
	}
	resp := c.head(t) // before there is an answer
	if got := fmt.Sprint(resp.StatusCode, resp.Header); got != "103 map[Link:[</a.css>; rel=preload]]" {
		t.Errorf("then comes %s", got)
	}
	close(answered)
	a := c.answer(t).want(t, 200)
	if a.body != "ok" || a.header.Get("Link") != "" {
		t.Errorf("got %q, %v", a.body, a.header)
	}
	hints, a := hintsOf(t, g, overTLS(request(t, "GET", "/", "one", nil)))
	if a.want(t, 200).body != "ok" || fmt.Sprint(hints) != "[102 map[] 103 map[Link:[</a.css>; rel=preload]]]" {
		t.Errorf("over HTTP/2: %q, %s", a.body, hints)
	}
	old := g.dialTLS(t, "http/1.1")
	old.write(t, "GET / HTTP/1.0\r\nHost: h\r\n\r\n")
	if resp := old.head(t); resp.StatusCode != 200 {
		t.Errorf("HTTP/1.0 gets %s", resp.Status)
	}
}

// An upstream may have much to say before its answer, and a client may not
// read it; neither may have no end.
func TestInformationalAnswersAreBounded(t *testing.T) {
	backend := rawBackend(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			n := 1000
			if req.URL.Path == "/endless" {
				n = 1 << 30
			}
			hint := "HTTP/1.1 103 Early Hints\r\nX-Fill: " + strings.Repeat("a", 1000) + "\r\n\r\n"
			for range n {
				if _, err := io.WriteString(c, hint); err != nil {
					return
				}
			}
			io.WriteString(c, okAnswer)
		}
	})
	g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend))
	quiet := g.dial(t)
	quiet.ask(t, "GET", "/", "one") // and reads nothing
	g.awaitMetric(t, `requests_total{code="200",rule=""}`, 1)
	g.get(t, "/", "one").want(t, 200)
	bad := g.dial(t)
	bad.ask(t, "GET", "/endless", "one")
	var resp *http.Response
	for resp = bad.head(t); resp.StatusCode == http.StatusEarlyHints; {
		resp = bad.head(t)
	}
	if resp.StatusCode != http.StatusBadGateway {
		t.Errorf("without an end: %s", resp.Status)
	}
	g.awaitMetric(t, `upstream_errors_total{kind="bad_response",upstream="php"}`, 1)
}

// The client leaves while informational answers come: the run goes on, and the
// turn lasts until the answer's end.
func TestAClientMayLeaveBetweenInformationalAnswers(t *testing.T) {
	left, ended := make(chan struct{}), make(chan struct{})
	backend := rawBackend(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(c, earlyHint)
			<-left
			for range 100 {
				io.WriteString(c, earlyHint)
			}
			<-ended
			io.WriteString(c, okAnswer)
		}
	})
	g := startGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend))
	c := g.dial(t)
	c.ask(t, "GET", "/", "one")
	c.head(t)
	c.Close()
	g.awaitMetric(t, `client_gone_total{stage="forward"}`, 1)
	close(left)
	next := g.queue(t, "/", "one", 1)
	close(ended)
	receive(t, next).want(t, 200)
}
