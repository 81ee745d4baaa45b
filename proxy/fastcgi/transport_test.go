package fastcgi

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

// exchangeWith returns the first error of a whole exchange.
func exchangeWith(php *client, method string) (body string, err error) {
	resp, err := php.RoundTrip(php.request(method, "/", ""))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestAnswersThatEndBadly(t *testing.T) {
	foreign := stdout(okHeader)
	foreign[3] = 2 // request id
	for name, tc := range map[string]struct {
		answer []byte
		want   error
	}{
		"overloaded":               {ended(statusOverloaded), ErrOverloaded},
		"overloaded after a start": {join(stdout(okHeader+"a"), ended(statusOverloaded)), ErrOverloaded},
		"cannot multiplex":         {ended(statusCantMpx), ErrRefused},
		"unknown role":             {ended(statusRole), ErrRefused},
		"unknown status":           {ended(9), ErrBadResponse},
		"closed at once":           {nil, ErrUnexpectedEnd},
		"closed in a header":       {stdout("Content-Type: te"), ErrUnexpectedEnd},
		"closed after the header":  {stdout(okHeader), ErrUnexpectedEnd},
		"closed in the body":       {stdout(okHeader + "half"), ErrUnexpectedEnd},
		"closed in a record":       {stdout(okHeader + "half")[:30], ErrUnexpectedEnd},
		"closed in END_REQUEST":    {join(stdout(okHeader), ended(0)[:12]), ErrUnexpectedEnd},
		"ended without a header":   {ended(0), ErrBadResponse},
		"ended within the header":  {join(stdout("A: b\r\n"), ended(0)), ErrBadResponse},
		"no FastCGI":               {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), ErrBadResponse},
		"another request's record": {foreign, ErrBadResponse},
		"a record of no responder": {appendRecord(nil, typeStdin, nil), ErrBadResponse},
		"END_REQUEST too short":    {appendRecord(stdout(okHeader), typeEndRequest, []byte("1234")), ErrBadResponse},
		"shorter than declared":    {join(stdout("Content-Length: 5\r\n\r\n1234"), ended(0)), ErrUnexpectedEnd},
		"no header line":           {join(stdout("<html>\r\n\r\n"), ended(0)), ErrBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			php := serve(t, Options{}, answer(tc.answer))
			if body, err := exchangeWith(php, "GET"); !errors.Is(err, tc.want) {
				t.Errorf("%q, %v, want %v", body, err, tc.want)
			}
		})
	}
}

func TestAnswerIsCutAtItsContentLength(t *testing.T) {
	php := serve(t, Options{}, answer(stdout("Content-Length: 2\r\n\r\nok\nand more"), stdout("and more"), ended(0)))
	resp, body := php.fetch(php.request("GET", "/", ""))
	ending, ok := resp.Body.(*Body).Ending()
	if body != "ok" || resp.ContentLength != 2 || !ok || ending.Surplus != 17 {
		t.Errorf("%q, length %d, %+v %v", body, resp.ContentLength, ending, ok)
	}
}

func TestAppStatusIsNoError(t *testing.T) {
	php := serve(t, Options{}, answer(stdout(okHeader+"fatal"), appendRecord(nil, typeEndRequest, []byte{0, 0, 0, 255, 0, 0, 0, 0})))
	resp, body := php.fetch(php.request("GET", "/", ""))
	if ending, ok := resp.Body.(*Body).Ending(); body != "fatal" || !ok || ending.AppStatus != 255 {
		t.Errorf("%q, %+v %v", body, ending, ok)
	}
}

// A body without bytes, too, ends only when PHP has ended the request.
func TestEmptyBodiesEndAtTheEndOfTheRequest(t *testing.T) {
	for name, tc := range map[string]struct{ method, header string }{
		"HEAD":            {"HEAD", "Content-Length: 700\r\n\r\n"},
		"204":             {"GET", "Status: 204 No Content\r\n\r\n"},
		"304":             {"GET", "Status: 304\r\nContent-Length: 7\r\n\r\n"},
		"length declared": {"GET", "Content-Length: 0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				finish := make(chan struct{})
				php := serve(t, Options{}, func(conn net.Conn) {
					answer(stdout(tc.header + "ignored"))(conn)
					<-finish
					_, _ = conn.Write(ended(0))
				})
				resp, err := php.RoundTrip(php.request(tc.method, "/", ""))
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() {
					body, err := io.ReadAll(resp.Body)
					if len(body) > 0 {
						err = errors.New("bytes in an empty body")
					}
					done <- err
				}()
				synctest.Wait()
				select {
				case err := <-done:
					t.Fatalf("ended before END_REQUEST: %v", err)
				default:
				}
				close(finish)
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

var errEnough = errors.New("enough")

func TestCancelledContextUnblocksWithItsCause(t *testing.T) {
	for name, handle := range map[string]func(net.Conn){
		"while the request is sent":      func(conn net.Conn) { io.ReadFull(conn, make([]byte, 1)) },
		"while the header is waited for": func(conn net.Conn) { answer(stdout("A: b\r\n"))(conn) },
		"while the body is waited for":   func(conn net.Conn) { answer(stdout(okHeader))(conn) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				defer close(release)
				php := serve(t, Options{}, func(conn net.Conn) {
					handle(conn)
					<-release // a server that says no more, and does not close
				})
				ctx, cancel := context.WithCancelCause(t.Context())
				done := make(chan error, 1)
				go func() {
					resp, err := php.RoundTrip(php.request("GET", "/", "").WithContext(ctx))
					if err == nil {
						_, err = resp.Body.Read(make([]byte, 1))
					}
					done <- err
				}()
				synctest.Wait()
				cancel(errEnough)
				if err := <-done; !errors.Is(err, errEnough) {
					t.Errorf("error %v, want the cause", err)
				}
			})
		})
	}
}

func TestCloseEndsAReadUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		php := serve(t, Options{}, func(conn net.Conn) {
			answer(stdout(okHeader))(conn)
			<-release
		})
		defer close(release)
		resp, err := php.RoundTrip(php.request("GET", "/", ""))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := resp.Body.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("Read: %v, want ErrClosed", err)
		}
	})
}

func TestRequestsThatAreNeverSent(t *testing.T) {
	php := newClient(t, Options{Address: "127.0.0.1:1", DialContext: func(context.Context, string, string) (net.Conn, error) {
		t.Error("a connection was made")
		return nil, errEnough
	}})
	for name, tc := range map[string]struct {
		connection string
		length     int64
		body       io.Reader
		want       error
	}{
		"upgrade":                  {"keep-alive, Upgrade", 0, zeros(0), ErrUpgrade},
		"unknown length":           {"", -1, zeros(3), ErrLengthRequired},
		"short body":               {"", 4, zeros(3), ErrRequestBody},
		"body that cannot be read": {"", 4, iotest.ErrReader(errEnough), errEnough},
	} {
		t.Run(name, func(t *testing.T) {
			req, body := php.post(tc.body, tc.length)
			req.Header.Set("Connection", tc.connection)
			req.Header.Set("Upgrade", "websocket")
			if _, err := php.RoundTrip(req); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if body.count() != 1 {
				t.Errorf("the body was closed %d times", body.count())
			}
		})
	}
}

func TestUpgradeWithoutConnectionOptionIsIgnored(t *testing.T) {
	php := serve(t, Options{}, answer(stdout(okHeader+"ok"), ended(0)))
	req := php.request("GET", "/", "")
	req.Header.Set("Upgrade", "h2c")
	if _, body := php.fetch(req); body != "ok" {
		t.Errorf("body %q", body)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, opts := range map[string]Options{
		"no address":          {},
		"no port":             {Address: "localhost"},
		"relative socket":     {Address: "unix:fpm.sock"},
		"param twice":         {Address: "h:1", Params: []Param{{"A", "1"}, {"A", "2"}}},
		"param without name":  {Address: "h:1", Params: []Param{{"", "1"}}},
		"param with line end": {Address: "h:1", Params: []Param{{"A", "1\n2"}}},
		"params too large":    {Address: "h:1", Params: []Param{{"A", strings.Repeat("v", maxContent)}}},
	} {
		if _, err := New(opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
