package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate is the gate's, in files.
type certificate struct {
	dir    string
	serial int64
}

// newCertificate writes a first certificate.
func newCertificate(t *testing.T) *certificate {
	t.Helper()
	c := &certificate{dir: t.TempDir()}
	c.renew(t)
	return c
}

// renew puts another certificate in the place of the one before.
func (c *certificate) renew(t *testing.T) {
	t.Helper()
	c.serial++
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(c.serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"gate.test"}}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	c.replace(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	c.replace(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
}

func (c *certificate) replace(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(c.dir, name)
	if err := errors.Join(os.WriteFile(path+".new", content, 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// config makes a gate show the certificate.
func (c *certificate) config() string {
	return fmt.Sprintf("server: {tls: {cert_file: %q, key_file: %q}}", filepath.Join(c.dir, "cert.pem"), filepath.Join(c.dir, "key.pem"))
}

// startTLSGate runs a gate that speaks TLS.
func startTLSGate(t *testing.T, parts ...string) *gate {
	t.Helper()
	g := startGate(t, append([]string{newCertificate(t).config()}, parts...)...)
	g.client = g.tlsClient()
	return g
}

// clientTLS trusts anybody: what is tested is not who the gate is.
func clientTLS(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "gate.test", NextProtos: protocols}
}

// tlsClient is a client with a connection of its own, over HTTP/2.
func (g *gate) tlsClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&tls.Dialer{Config: clientTLS("h2")}).DialContext(ctx, g.network, g.addr)
			},
			ForceAttemptHTTP2:  true,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dialTLS opens a connection for HTTP/1.
func (g *gate) dialTLS(t *testing.T, protocols ...string) *conn {
	t.Helper()
	plain := g.dial(t)
	c := tls.Client(plain.Conn, clientTLS(protocols...))
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &conn{Conn: c, in: bufio.NewReader(c)}
}

// overTLS makes requests of this package's helpers go over TLS.
func overTLS(req *http.Request) *http.Request {
	req.URL.Scheme = "https"
	return req
}

func TestBothProtocolsAreSpokenOverTLS(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	resp, err := g.client.Do(overTLS(request(t, "GET", "/env.php?a;b", "one", nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Proto != "HTTP/2.0" {
		t.Fatalf("%s, %v", resp.Proto, err)
	}
	want := map[string]any{
		"HTTPS": "on", "REQUEST_SCHEME": "https", "HTTP_HOST": "gate.test", "HTTP_X_FORWARDED_PROTO": "https",
		"HTTP_COOKIE": "PHPSESSID=one", "REQUEST_URI": "/env.php?a;b", "REMOTE_ADDR": "127.0.0.1", "SERVER_PORT": portOf(g.addr),
		"HTTP_FORWARDED": "for=127.0.0.1;host=gate.test;proto=https",
	}
	wantEnvironment(t, environment(t, answer{status: resp.StatusCode, body: string(body)}), want)
	for _, protocols := range [][]string{nil, {"http/1.1"}, {"unheard-of", "http/1.1"}} {
		c := g.dialTLS(t, protocols...)
		c.ask(t, "GET", "/env.php?a;b", "one")
		wantEnvironment(t, environment(t, c.answer(t)), want)
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func TestOldTLSAndPlainHTTPAreRefused(t *testing.T) {
	t.Parallel()
	g := startTLSGate(t, inFrontOf(startPHP(t, 1)), "server: {read_header_timeout: 1s}")
	old := clientTLS()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if err := tls.Client(g.dial(t).Conn, old).HandshakeContext(t.Context()); err == nil {
		t.Error("TLS 1.1 is taken")
	}
	plain := g.dial(t)
	plain.ask(t, "GET", "/", "one")
	if got := plain.awaitClosed(t); !strings.HasPrefix(got, "HTTP/1.0 400 ") {
		t.Errorf("plain HTTP got %q", got)
	}
	g.dial(t).awaitClosed(t) // says nothing
}

func TestTheCertificateIsReadAgainWhenItsFilesChange(t *testing.T) {
	t.Parallel()
	cert := newCertificate(t)
	g := startGate(t, inFrontOf(startPHP(t, 1)), cert.config())
	g.client = g.tlsClient()
	serial := func() int64 {
		state := g.dialTLS(t).Conn.(*tls.Conn).ConnectionState()
		return state.PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Fatalf("certificate %d", n)
	}
	before := g.dialTLS(t)
	cert.replace(t, "cert.pem", []byte("no certificate"))
	g.awaitMetric(t, "tls_reload_failed", 1)
	if n := serial(); n != 1 {
		t.Errorf("certificate %d, want the one before the bad one", n)
	}
	cert.renew(t)
	g.awaitMetric(t, "tls_reloads_total", 1)
	g.awaitMetric(t, "tls_reload_failed", 0)
	if n := serial(); n != 2 {
		t.Errorf("certificate %d, want the second", n)
	}
	before.ask(t, "GET", "/trivial.php", "one") // it goes on with what it has
	before.answer(t).want(t, 200)
	if n := strings.Count(g.log.String(), "new certificate cannot be used"); n != 1 || !strings.Contains(g.log.String(), "server.tls.cert_file: ") {
		t.Errorf("%d lines about the bad certificate in %s", n, g.log)
	}
	if left := g.metric(t, "tls_certificate_expiry_seconds") - float64(time.Now().Unix()); left < 3000 || left > 3600 {
		t.Errorf("the certificate ends in %v s", left)
	}
}

// TLS has an end of its own, which would tell an HTTP/1.0 client that a cut
// answer was whole.
func TestACutAnswerIsNoWholeOneOverHTTP10WithTLS(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	for range 5 {
		c := g.dialTLS(t)
		c.write(t, "GET /abort.php HTTP/1.0\r\nHost: gate.test\r\n\r\n")
		if got, err := io.ReadAll(c.in); err == nil {
			t.Fatalf("got %q and a clean end", got)
		}
	}
}

func TestDeparturesAreNoticedOverTLS(t *testing.T) {
	g := startTLSGate(t, inFrontOf(startPHP(t, 2)))
	for name, pipelined := range map[string]string{"at once": "", "behind a pipelined byte, when the turn comes": "G"} {
		t.Run(name, func(t *testing.T) {
			j, end := newJournal(t), newBarrier(t)
			before := g.metric(t, `client_gone_total{stage="wait"}`)
			first := g.send(overTLS(request(t, "GET", end.page(j, "first"), "one", nil)))
			j.await(t, "begin first")
			c := g.dialTLS(t)
			c.ask(t, "GET", j.page("slow", "gone", "ms=0"), "one")
			c.write(t, pipelined)
			g.awaitMetric(t, "waiting", 1)
			c.Close()
			if pipelined == "" {
				g.awaitMetric(t, "waiting", 0)
			}
			end.lift(t)
			receive(t, first).want(t, 200)
			g.awaitMetric(t, `client_gone_total{stage="wait"}`, before+1)
			if j.has(t, "begin gone") {
				t.Error("the client that left was served")
			}
		})
	}
}
