package fastcgi

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// browserRequest is a GET as a browser sends it.
func browserRequest() *http.Request {
	req := httptest.NewRequest("GET", "/trivial.php?x=1", http.NoBody)
	for name, value := range map[string]string{
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
		"Accept-Language": "de,en-US;q=0.7,en;q=0.3", "Accept-Encoding": "gzip, deflate, br", "Cookie": "PHPSESSID=0123456789abcdef0123456789; a=b", "Referer": "https://shop.example/",
	} {
		req.Header.Set(name, value)
	}
	ctx := WithEnv(context.Background(), Env{RemoteAddr: netip.MustParseAddr("192.0.2.1"), RemotePort: 4711, ServerAddr: netip.MustParseAddr("192.0.2.2"), ServerPort: 80})
	return req.WithContext(ctx)
}

func BenchmarkEncodeRequest(b *testing.B) {
	transport, err := New(Options{Address: "127.0.0.1:9000", Root: "/srv/www"})
	if err != nil {
		b.Fatal(err)
	}
	req := browserRequest()
	buf := make([]byte, 0, bufferSize)
	b.ReportAllocs()
	for b.Loop() {
		p := params{buf: buf[:0], open: -1, fixed: transport.fixed}
		if err := transport.encodeParams(&p, req, Script{Name: "/index.php"}); err != nil {
			b.Fatal(err)
		}
	}
}

// canned is a connection whose answer is there at once.
type canned struct {
	net.Conn
	answer []byte
	pos    int
}

func (c *canned) Write(b []byte) (int, error) { return len(b), nil }
func (c *canned) Close() error                { return nil }
func (c *canned) Read(b []byte) (int, error) {
	n := copy(b, c.answer[c.pos:])
	c.pos += n
	return n, nil
}

func BenchmarkRoundTripWithoutNetwork(b *testing.B) {
	reply := join(stdout("X-Powered-By: PHP/8.2.29\r\nContent-type: text/html; charset=UTF-8\r\n\r\nok"), ended(0))
	transport, err := New(Options{Address: "127.0.0.1:9000", Root: "/srv/www", DialContext: func(context.Context, string, string) (net.Conn, error) {
		return &canned{answer: reply}, nil
	}})
	if err != nil {
		b.Fatal(err)
	}
	roundTrips(b, transport)
}

func BenchmarkDecodeLargeAnswer(b *testing.B) {
	const records = 1280
	reply := stdout(okHeader)
	for range records {
		reply = append(reply, stdout(string(make([]byte, 8<<10)))...)
	}
	reply = append(reply, ended(0)...)
	p := make([]byte, 32<<10)
	b.SetBytes(int64(len(reply)))
	b.ReportAllocs()
	for b.Loop() {
		x := &exchange{t: &Transport{maxHeader: 1 << 20}, req: &http.Request{}, ctx: context.Background()}
		x.reader = recordReader{from: &canned{answer: reply}, buf: make([]byte, bufferSize), stderr: &x.stderr}
		header, err := x.header()
		if err != nil {
			b.Fatal(err)
		}
		for body := newBody(x, "GET", header); err == nil; {
			_, err = body.Read(p)
		}
	}
}

func BenchmarkPHP(b *testing.B) {
	for _, network := range []string{"tcp", "unix"} {
		b.Run(network, func(b *testing.B) {
			var settings fpm.Options
			if network == "unix" {
				settings.Socket = fpmtest.Socket(b)
			}
			pool := fpmtest.Start(b, settings)
			script, err := NewResolver(ScriptTry, "", pool.Root())
			if err != nil {
				b.Fatal(err)
			}
			defer script.Close()
			transport, err := New(Options{Address: pool.Address(), Root: pool.Root(), Script: script})
			if err != nil {
				b.Fatal(err)
			}
			roundTrips(b, transport)
		})
	}
}

func roundTrips(b *testing.B, transport *Transport) {
	req := browserRequest()
	b.ReportAllocs()
	for b.Loop() {
		resp, err := transport.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != 2 {
			b.Fatal(n, err)
		}
		resp.Body.Close()
	}
}

func BenchmarkResolve(b *testing.B) {
	root := tree(b, pages...)
	for _, path := range []string{"/blog/post.php", "/a/pretty/url"} {
		b.Run(path[1:2], func(b *testing.B) {
			r := resolver(b, ScriptTry, root)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Resolve(path, path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
