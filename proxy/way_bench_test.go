package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/internal/spool"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/fastcgi"
	"github.com/sessiongate/sessiongate/proxy/keepalive"
	"github.com/sessiongate/sessiongate/proxy/loopback"
	"github.com/sessiongate/sessiongate/proxy/page"
	"github.com/sessiongate/sessiongate/proxy/session"
)

// BenchmarkWay is the whole way of a request with a session, over real
// connections: client, net/http's server, the gate, upstream. Client and upstream
// are played without allocating, so that what is counted is the gate's and
// net/http's. The net/http case is that server alone.
func BenchmarkWay(b *testing.B) {
	const (
		head    = " /cart?x=1 HTTP/1.1\r\nHost: shop.example\r\nCookie: PHPSESSID=abcdefghijklmnopqrstuvwxyz\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: text/html\r\nAccept-Language: de,en;q=0.5\r\n"
		get     = "GET" + head + "\r\n"
		headEnd = "\r\n\r\n"
		formEnd = "&end=of+form"
	)
	form := string(bytes.Repeat([]byte("a"), 1000)) + formEnd
	post := "POST" + head + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + fmt.Sprint(len(form)) + headEnd + form
	answer := "Content-Type: text/html\r\nContent-Length: " + fmt.Sprint(len(pageEnd)) + headEnd + pageEnd
	http1 := "HTTP/1.1 200 OK\r\n" + answer
	php := fastcgiRecord(6, answer) + fastcgiRecord(3, string(make([]byte, 8)))
	for _, c := range []struct {
		name, request string
		upstream      func(*testing.B) http.RoundTripper
	}{
		{"HTTP/GET", get, func(b *testing.B) http.RoundTripper { return overHTTP(b, headEnd, http1) }},
		{"HTTP/POST", post, func(b *testing.B) http.RoundTripper { return overHTTP(b, formEnd, http1) }},
		{"FastCGI/GET", get, func(b *testing.B) http.RoundTripper { return overFastCGI(b, php) }},
		{"FastCGI/POST", post, func(b *testing.B) http.RoundTripper { return overFastCGI(b, php) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			askAgainAndAgain(b, benchmarkedGate(b, c.upstream(b), c.name[:1] == "F"), c.request)
		})
	}
	b.Run("net-http/GET", func(b *testing.B) {
		askAgainAndAgain(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, pageEnd) }), get)
	})
}

// pageEnd is what the played upstreams answer.
const pageEnd = "<p>well</p></html>\n"

// askAgainAndAgain sends a request and reads its answer, on one connection.
func askAgainAndAgain(b *testing.B, h http.Handler, request string) {
	b.Helper()
	s := NewServer(h, ServerLimits{ReadHeaderTimeout: 10 * time.Second, BodyIdleTimeout: 30 * time.Second, WriteIdleTimeout: time.Minute, IdleTimeout: time.Minute}, zerolog.Nop())
	l := listen(b)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			b.Error(err)
		}
	}()
	c, err := new(net.Dialer).DialContext(b.Context(), "tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	asked, answer := []byte(request), make([]byte, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(asked); err != nil {
			b.Fatal(err)
		}
		if n, err := readUntil(c, answer, []byte(pageEnd)); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
			b.Fatalf("%v: %q", err, answer[:n])
		}
	}
	b.StopTimer()
	if err := errors.Join(c.Close(), s.Close()); err != nil {
		b.Error(err)
	}
	<-served
}

func benchmarkedGate(b *testing.B, upstream http.RoundTripper, fast bool) *Gate {
	b.Helper()
	set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php", MaxWaiting: 64, MaxHold: 2 * time.Minute, WaitTimeout: 20 * time.Second}, nil)
	if err != nil {
		b.Fatal(err)
	}
	pool, err := spool.Open(b.TempDir(), spool.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	g := New(Parts{
		Locks:    lockstore.NewMemory(lockstore.Limits{PerClient: 100}),
		Keys:     session.NewHasher([]byte("secret")),
		Loopback: loopback.NewSigner([]byte("secret")),
		Spool:    pool,
		Metrics:  NewMetrics(prometheus.NewRegistry()),
		Log:      zerolog.New(io.Discard),
	}, Setup{
		Rules: set, Clients: clientip.New(nil), Page: page.Default(),
		Settings: Settings{
			BodyIdleTimeout: 30 * time.Second, WriteIdleTimeout: time.Minute, MaxLoopbackDepth: 5, AccessLog: true,
			BodyMemory: 64 << 10, ResponseMemory: 256 << 10, MaxResponse: 1 << 30,
		},
		Upstreams: []*Upstream{{Name: "php", Host: "shop.example", FastCGI: fast, Servers: balance.New(balance.Options{}, balance.NewServer("php", upstream))}},
	})
	b.Cleanup(func() {
		if err := errors.Join(g.Close(context.Background()), pool.Close()); err != nil {
			b.Error(err)
		}
	})
	return g
}

func overHTTP(b *testing.B, requestEnd, answer string) http.RoundTripper {
	b.Helper()
	t, err := keepalive.New(play(b, requestEnd, answer), time.Second)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := t.Close(); err != nil {
			b.Error(err)
		}
	})
	return t
}

func overFastCGI(b *testing.B, answer string) http.RoundTripper {
	b.Helper()
	t, err := fastcgi.New(fastcgi.Options{Address: play(b, fastcgiRecord(5, ""), answer), ConnectTimeout: time.Second, Root: "/srv/www"})
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// fastcgiRecord is a record of the one request on its connection.
func fastcgiRecord(kind byte, content string) string {
	r := []byte{1, kind, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(r[4:], uint16(len(content)))
	return string(r) + content
}

// play has a server answer the same to every request that ends with requestEnd.
func play(b *testing.B, requestEnd, answer string) (address string) {
	b.Helper()
	l := listen(b)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				request, end, said := make([]byte, 8<<10), []byte(requestEnd), []byte(answer)
				for {
					if _, err := readUntil(c, request, end); err != nil {
						return
					}
					if _, err := c.Write(said); err != nil {
						return
					}
				}
			})
		}
	})
	b.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

func listen(b *testing.B) net.Listener {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// readUntil reads what ends with end.
func readUntil(c net.Conn, into, end []byte) (n int, err error) {
	for !bytes.HasSuffix(into[:n], end) {
		m, err := c.Read(into[n:])
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}
