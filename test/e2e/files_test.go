package e2e

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

// serveFiles makes a gate serve the files beside the pool's pages.
const serveFiles = "upstream: {files: true}"

// file writes a file of random bytes beside the pool's pages.
func file(t *testing.T, pool *fpm.Pool, name string, size int) []byte {
	t.Helper()
	content := make([]byte, size)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pool.Root(), name), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return content
}

// largeFile makes a file that fits into no socket's buffers; it takes no disk.
func largeFile(t *testing.T, pool *fpm.Pool, name string, size int64) string {
	t.Helper()
	path := filepath.Join(pool.Root(), name)
	if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, size)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFilesComeFromTheGateBesideARunningPage(t *testing.T) {
	pool := startPHP(t, 2)
	style := file(t, pool, "style.css", 200_000)
	g := startGate(t, inFrontOf(pool), serveFiles)
	j, end := newJournal(t), newBarrier(t)
	page := g.start(t, end.page(j, "page"), "one")
	j.await(t, "begin page")
	whole := g.get(t, "/style.css", "one").want(t, 200)
	if whole.body != string(style) || whole.header.Get("Content-Type") != "text/css" || whole.header.Get("Content-Length") != "200000" {
		t.Errorf("got %d bytes, %v", len(whole.body), whole.header)
	}
	g.get(t, "/counter.php~", "").wantRefusal(t, 404, "no_script")
	end.lift(t)
	receive(t, page).want(t, 200)
	line := g.accessLine(t, "/style.css")
	if line["stage"] != "files" || line["bytes"] != 200000.0 || line["upstream"] != nil {
		t.Errorf("access line %v", line)
	}
	g.awaitMetric(t, `requests_total{code="200",rule=""}`, 2)
}

// What a client has is not sent again, and a download goes on where it broke off,
// over HTTP/1.1 and, through other code of net/http's, over TLS with HTTP/2.
func TestDownloadsGoOnWhereTheyBrokeOff(t *testing.T) {
	pool := startPHP(t, 1)
	content := file(t, pool, "film.mp4", 1<<20)
	settled := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(pool.Root(), "film.mp4"), settled, settled); err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]*gate{
		"HTTP/1.1": startGate(t, inFrontOf(pool), serveFiles),
		"HTTP/2":   startTLSGate(t, inFrontOf(pool), serveFiles),
	} {
		t.Run(name, func(t *testing.T) {
			ask := func(header ...string) answer {
				req := request(t, http.MethodGet, "/film.mp4", "one", nil)
				for i := 0; i < len(header); i += 2 {
					req.Header.Set(header[i], header[i+1])
				}
				if name == "HTTP/2" {
					req = overTLS(req)
				}
				return g.do(req)
			}
			tag := ask().want(t, 200).header.Get("Etag")
			if a := ask("If-None-Match", tag).want(t, 304); a.body != "" || a.header.Get("Etag") != tag {
				t.Errorf("304 with %q, %v", a.body, a.header)
			}
			rest := ask("Range", "bytes=300000-", "If-Range", tag).want(t, 206)
			if rest.body != string(content[300_000:]) || rest.header.Get("Content-Range") != "bytes 300000-1048575/1048576" {
				t.Errorf("got %d bytes, %v", len(rest.body), rest.header)
			}
			ask("Range", "bytes=1048576-").want(t, 416)
		})
	}
}

func TestAClientThatTakesNothingLosesItsFile(t *testing.T) {
	pool := startPHP(t, 1)
	largeFile(t, pool, "large.iso", 64<<20)
	g := startGate(t, inFrontOf(pool), serveFiles, "server: {write_idle_timeout: 200ms}")
	c := g.dial(t)
	c.ask(t, "GET", "/large.iso", "one")
	g.awaitMetric(t, `client_gone_total{stage="files"}`, 1)
	if line := g.accessLine(t, "/large.iso"); line["status"] != 499.0 || line["stage"] != "files" {
		t.Errorf("access line %v", line)
	}
	if rest := c.awaitClosed(t); len(rest) >= 64<<20 {
		t.Errorf("all %d bytes came", len(rest))
	}
}

// Slow is not idle: who takes a little all the time gets the whole file.
func TestASlowClientGetsTheWholeFile(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	pool := startPHP(t, 1)
	largeFile(t, pool, "large.iso", size)
	gatetest.Unhurried(t, 500*time.Millisecond, func(idle time.Duration) error {
		g := startGate(t, inFrontOf(pool), serveFiles, writeIdle(idle))
		c := g.dial(t)
		if err := c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
		c.ask(t, "GET", "/large.iso", "one")
		resp := c.head(t)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var n int64
		for began := time.Now(); time.Since(began) < 3*idle && n < size/2; <-tick.C {
			part, err := io.CopyN(io.Discard, resp.Body, 64<<10)
			if n += part; err != nil {
				return fmt.Errorf("after %d bytes: %w", n, err)
			}
		}
		rest, err := io.Copy(io.Discard, resp.Body)
		if err == nil && n+rest != size {
			err = errors.New("that is not all")
		}
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", n+rest, err)
		}
		return nil
	})
}

// The kernel holds megabytes for a slow client, and takes nothing more for long.
func TestAClientThatTakesALittleOfAFileIsNotCut(t *testing.T) {
	for protocol, settings := range map[string]string{"plain": "", "TLS": newCertificate(t).config()} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			pool := startPHP(t, 1)
			largeFile(t, pool, "large.iso", 64<<20)
			gatetest.Unhurried(t, shortest, func(idle time.Duration) error {
				g := startGate(t, inFrontOf(pool), serveFiles, settings, writeIdle(idle))
				c := g.dial(t)
				if protocol == "TLS" {
					c = g.dialTLS(t)
				}
				takeInLittle(t, c)
				c.ask(t, "GET", "/large.iso", "one")
				return g.keptOn(t, c, "files", takeALittle(c.head(t).Body, idle))
			})
		})
	}
}

func TestAStreamThatIsTakenALittleGetsTheWholeFile(t *testing.T) {
	t.Parallel()
	const size = 256 << 10
	pool := startPHP(t, 1)
	largeFile(t, pool, "large.iso", size)
	gatetest.Unhurried(t, shortest, func(idle time.Duration) error {
		g := startTLSGate(t, inFrontOf(pool), serveFiles, writeIdle(idle))
		c := g.dialFrames(t, 0)
		return takeStreamSlowly(c, c.ask(t, true, "GET", "/large.iso"), size, idle)
	})
}

// Nothing is read behind a file's request over HTTP/1.0 either: it may have named a
// coding, of which net/http does not tell.
func TestTheConnectionEndsBehindAFileOverHTTP10(t *testing.T) {
	pool := startPHP(t, 1)
	file(t, pool, "a.txt", 10)
	g := startGate(t, inFrontOf(pool), serveFiles)
	c := g.dial(t)
	c.write(t, "GET /a.txt HTTP/1.0\r\nHost: gate.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: evil.test\r\n\r\n")
	if got := c.awaitClosed(t); strings.Count(got, "HTTP/1.") != 1 || !strings.Contains(got, "Connection: close\r\n") {
		t.Errorf("got %q, want one answer", got)
	}
}

// A file that is cut short while it is sent must not look whole.
func TestAFileThatShrinksBreaksOff(t *testing.T) {
	pool := startPHP(t, 1)
	path := largeFile(t, pool, "log.txt", 64<<20)
	g := startGate(t, inFrontOf(pool), serveFiles)
	c := g.dial(t)
	c.ask(t, "GET", "/log.txt", "one")
	resp := c.head(t)
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %d bytes, %v", n, err)
	}
	if line := g.accessLine(t, "/log.txt"); line["cut"] != true || line["status"] != 200.0 {
		t.Errorf("access line %v", line)
	}
}

// A file that grows is sent as long as it was when it was asked for.
func TestAFileThatGrowsIsSentAsItWas(t *testing.T) {
	pool := startPHP(t, 1)
	content := file(t, pool, "log.txt", 8<<20)
	g := startGate(t, inFrontOf(pool), serveFiles)
	c := g.dial(t)
	c.ask(t, "GET", "/log.txt", "one")
	resp := c.head(t)
	if err := os.Truncate(filepath.Join(pool.Root(), "log.txt"), 9<<20); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
