package fastcgi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

const largeBody = 3*uploadSize + 100

func TestLargeBodyIsSentWhileTheAnswerIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan []byte, 1)
		php := serve(t, Options{}, func(conn net.Conn) {
			for {
				kind, _, err := readRecord(conn)
				if err != nil {
					t.Error(err)
					return
				}
				if kind == typeStdin { // the answer begins with the body's first record
					break
				}
			}
			_, _ = conn.Write(stdout(okHeader))
			_, rest, err := readRequest(conn)
			if err != nil {
				t.Error(err)
			}
			got <- rest
			_, _ = conn.Write(join(stdout("ok"), ended(0)))
		})
		req, body := php.post(zeros(largeBody), largeBody)
		if _, answer := php.fetch(req); answer != "ok" {
			t.Errorf("answer %q", answer)
		}
		if rest := <-got; len(rest) != largeBody-(uploadSize-headerSize) {
			t.Errorf("%d bytes after the first record", len(rest))
		}
		if body.count() != 1 {
			t.Errorf("the body was closed %d times", body.count())
		}
	})
}

func TestServerThatAnswersAndDoesNotReadIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		php := serve(t, Options{}, func(conn net.Conn) {
			for kind := recordType(0); kind != typeStdin; {
				var err error
				if kind, _, err = readRecord(conn); err != nil {
					t.Error(err)
					return
				}
			}
			_, _ = conn.Write(join(stdout(okHeader+"no, thanks"), ended(0)))
		})
		req, body := php.post(zeros(1<<20), 1<<20)
		if _, answer := php.fetch(req); answer != "no, thanks" {
			t.Errorf("answer %q", answer)
		}
		if body.count() != 1 {
			t.Errorf("the body was closed %d times", body.count())
		}
	})
}

func TestLargeBodyThatBreaksOffAbortsTheRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		body io.Reader
		want error
	}{
		"short":  {zeros(largeBody - 1), ErrRequestBody},
		"failed": {io.MultiReader(zeros(largeBody/2), iotest.ErrReader(errEnough)), errEnough},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				php := serve(t, Options{}, func(conn net.Conn) {
					if _, _, err := readRequest(conn); err == nil {
						t.Error("PHP was told that the body is complete")
					}
				})
				req, _ := php.post(tc.body, largeBody)
				if _, err := php.RoundTrip(req); !errors.Is(err, tc.want) {
					t.Errorf("error %v, want %v", err, tc.want)
				}
			})
		})
	}
}

// A goroutine that waits for a body which never comes ends with the exchange.
func TestUploadEndsWithItsExchange(t *testing.T) {
	for name, end := range map[string]func(cancel func(), body io.Closer){
		"context": func(cancel func(), _ io.Closer) { cancel() },
		"close":   func(_ func(), body io.Closer) { body.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				php := serve(t, Options{}, func(conn net.Conn) {
					for kind := recordType(0); kind != typeStdin; {
						var err error
						if kind, _, err = readRecord(conn); err != nil {
							return
						}
					}
					_, _ = conn.Write(stdout(okHeader + "begun"))
					_, _ = io.Copy(io.Discard, conn)
				})
				slow, feed := io.Pipe()
				defer feed.Close()
				go func() { _, _ = feed.Write(bytes.Repeat([]byte("x"), uploadSize)) }()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				req := php.request("POST", "/", "").WithContext(ctx)
				req.Body, req.ContentLength = slow, largeBody
				resp, err := php.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				end(cancel, resp.Body)
				if _, err := io.Copy(io.Discard, resp.Body); err == nil {
					t.Error("a cut exchange ended well")
				}
			}) // and the bubble ends only when every goroutine has
		})
	}
}

// writeCounter counts the writes of a connection.
type writeCounter struct {
	net.Conn
	writes atomic.Int32
}

func (w *writeCounter) Write(b []byte) (int, error) {
	w.writes.Add(1)
	return w.Conn.Write(b)
}

func TestSmallRequestsGoOutInOneWrite(t *testing.T) {
	for _, size := range []int{0, 1, 1000, bufferSize / 2, bufferSize - 1000} {
		php := serve(t, Options{}, answer(stdout(okHeader), ended(0)))
		var counted *writeCounter
		inner := php.dialer.Dial
		php.dialer.Dial = func(ctx context.Context, network, target string) (net.Conn, error) {
			conn, err := inner(ctx, network, target)
			counted = &writeCounter{Conn: conn}
			return counted, err
		}
		php.fetch(php.request("POST", "/", strings.Repeat("x", size)))
		if n := counted.writes.Load(); n != 1 {
			t.Errorf("body of %d bytes: %d writes", size, n)
		}
	}
}

// Whatever the sizes of header and body, PHP gets both whole.
func TestEverySizeAroundTheBufferArrives(t *testing.T) {
	for size := bufferSize - 1200; size < bufferSize+40; size += 7 {
		var vars map[string][]string
		var body []byte
		php := serve(t, Options{}, func(conn net.Conn) {
			vars, body, _ = readRequest(conn)
			_, _ = conn.Write(join(stdout(okHeader), ended(0)))
		})
		php.fetch(php.request("POST", "/", strings.Repeat("b", size)))
		if len(body) != size || len(vars["REQUEST_URI"]) != 1 {
			t.Fatalf("body of %d bytes: %d arrived", size, len(body))
		}
		req := php.request("POST", "/", "body")
		req.Header.Set("X-Large", strings.Repeat("h", size))
		php.fetch(req)
		if string(body) != "body" || len(vars["HTTP_X_LARGE"][0]) != size {
			t.Fatalf("header of %d bytes: body %q", size, body)
		}
	}
}
