package keepalive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sessiongate/sessiongate/proxy/dial"
)

// said answers every request with the same bytes.
func said(answer string) func(*server, net.Conn) {
	return func(s *server, c net.Conn) {
		from := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(from)
			if err != nil {
				return
			}
			s.requests.Add(1)
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	}
}

// guarded is a request body that knows whether it is used after it was given back.
type guarded struct {
	io.Reader
	back  atomic.Bool // RoundTrip, or the answer, has ended
	late  atomic.Bool
	times atomic.Int32 // closed
}

func (g *guarded) Read(p []byte) (int, error) {
	g.late.Store(g.late.Load() || g.back.Load())
	return g.Reader.Read(p)
}

func (g *guarded) Close() error {
	g.times.Add(1)
	return nil
}

// giveBack is the moment in which nobody may read it any more.
func (g *guarded) giveBack(t *testing.T) {
	t.Helper()
	if g.back.Store(true); g.times.Load() == 0 {
		t.Error("the request's body is given back and was not closed")
	}
	t.Cleanup(func() {
		if g.late.Load() {
			t.Error("the request's body was read after it was given back")
		}
	})
}

// endless never ends, and takes no time.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// upload sends a body that is not known in length.
func upload(t *testing.T, tr *Transport, body io.Reader) (*guarded, *http.Response, error) {
	t.Helper()
	g := &guarded{Reader: body}
	req := request(t, "POST", "/", "")
	req.Body, req.ContentLength = g, -1
	resp, err := tr.RoundTrip(req)
	return g, resp, err
}

// A server that answers and does not read what is still coming: the answer is
// had, and nothing is written any more when it has ended.
func TestAnAnswerBeforeTheEndOfTheRequest(t *testing.T) {
	s := serve(t, func(_ *server, c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\nenough")
		<-t.Context().Done() // the connection stays open, full of what nobody reads
	})
	tr := newTransport(t, s.Addr().String())
	for _, whole := range []bool{true, false} {
		body, resp, err := upload(t, tr, endless{})
		if err != nil {
			t.Fatal(err)
		}
		if whole {
			if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "enough" {
				t.Errorf("%q, %v", b, err)
			}
		}
		_ = resp.Body.Close()
		body.giveBack(t)
		if tr.kept() != 0 {
			t.Error("a connection is kept on which half a request was sent")
		}
	}
}

// A request whose body cannot be read ends with that error, and not with a part
// that looks whole.
func TestABodyThatBreaksOff(t *testing.T) {
	s := serve(t, answering)
	tr := newTransport(t, s.Addr().String())
	broken := errors.New("the disk is gone")
	body, _, err := upload(t, tr, io.MultiReader(strings.NewReader("part"), failing{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	body.giveBack(t)
	if tr.kept() != 0 {
		t.Error("the connection is kept")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// The context ends while the server reads nothing, while it does not answer, and
// in the middle of its answer.
func TestAContextThatEndsAtEachStep(t *testing.T) {
	enough := errors.New("enough")
	for name, step := range map[string]struct {
		body   io.Reader
		answer string
	}{
		"body":   {body: endless{}},
		"header": {body: strings.NewReader("short")},
		"answer": {body: strings.NewReader("short"), answer: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			s := serve(t, func(_ *server, c net.Conn) {
				from := bufio.NewReader(c)
				if _, err := http.ReadRequest(from); err != nil {
					return
				}
				io.WriteString(c, step.answer)
				cancel(enough)
				<-t.Context().Done()
			})
			tr := newTransport(t, s.Addr().String())
			body := &guarded{Reader: step.body}
			req := request(t, "POST", "/", "").WithContext(ctx)
			req.Body, req.ContentLength = body, -1
			resp, err := tr.RoundTrip(req)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			} else if !errors.Is(err, enough) {
				t.Errorf("error %v, want the context's cause", err)
			}
			if err == nil {
				t.Error("the answer looks whole")
			}
			body.giveBack(t)
			if tr.kept() != 0 {
				t.Error("the connection is kept")
			}
		})
	}
}

// A context that ends after the answer does not touch the connection, which may
// be another request's by then.
func TestAContextThatEndsAfterTheAnswer(t *testing.T) {
	s := serve(t, answering)
	tr := newTransport(t, s.Addr().String())
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := tr.RoundTrip(request(t, "GET", "/", "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		cancel()
		wantAnswer(t, tr, "GET", "/", "")
	}
	s.want(t, 1, 200)
}

func TestWhatIsKept(t *testing.T) {
	for answer, kept := range map[string]int{
		"HTTP/1.1 204 No Content\r\n\r\n":                                                    1,
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":                                       1,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":                                     1,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":          1,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n":                       1,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok":                0,
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok":                                     0,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more":                            0,
		"HTTP/1.1 204 No Content\r\n\r\nmore":                                                0,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 408 Request Timeout\r\n\r\n": 0,
	} {
		s := serve(t, said(answer))
		tr := newTransport(t, s.Addr().String())
		for range 2 {
			if _, err := fetch(t, tr, "GET", "/", ""); err != nil {
				t.Errorf("%q: %v", answer, err)
			}
		}
		if tr.kept() != kept {
			t.Errorf("%q: %d connections are kept, want %d", answer, tr.kept(), kept)
		}
		s.want(t, int32(2-kept), 2)
	}
}

// What a server says while nobody has asked is no answer to the next request.
func TestWhatIsSaidUnaskedIsNoAnswer(t *testing.T) {
	unasked := make(chan struct{})
	s := serve(t, func(s *server, c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nGET ")
		if s.connections.Load() == 1 {
			<-unasked
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ninvaded")
		}
		_, _ = c.Read(make([]byte, 1))
	})
	tr := newTransport(t, s.Addr().String())
	wantAnswer(t, tr, "GET", "/", "")
	close(unasked)
	tr.awaitEnd(t)
	wantAnswer(t, tr, "GET", "/", "")
	s.want(t, 2, 0)
}

func TestHeadersHaveABound(t *testing.T) {
	long := strings.Repeat("x", maxHeader)
	for name, answer := range map[string]string{
		"header":                    "HTTP/1.1 200 OK\r\nX-Long: " + long + "\r\n\r\n",
		"status":                    "HTTP/1.1 200 " + long + "\r\n\r\n",
		"informational, unheard of": strings.Repeat("HTTP/1.1 103 Early Hints\r\nX-A: "+strings.Repeat("x", 1<<10)+"\r\n\r\n", 1<<10),
	} {
		s := serve(t, said(answer))
		_, err := fetch(t, newTransport(t, s.Addr().String()), "GET", "/", "")
		if !errors.Is(err, errLongHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
	body := bytes.Repeat([]byte("b"), 2*maxHeader)
	s := serve(t, said(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)))
	if got, err := fetch(t, newTransport(t, s.Addr().String()), "GET", "/", ""); err != nil || got != string(body) {
		t.Errorf("%d bytes of a body, %v", len(got), err)
	}
}

// What was read together with the header of the 101 belongs to the new protocol.
func TestAChangedProtocolBeginsWithWhatWasRead(t *testing.T) {
	s := serve(t, said("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello"))
	tr := newTransport(t, s.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := tr.RoundTrip(request(t, "GET", "/", "").WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	cancel() // the run has ended; the connection is the tunnel's
	both := resp.Body.(io.ReadWriteCloser)
	defer both.Close()
	for _, want := range []string{"h", "ello"} {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(both, got); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := io.WriteString(both, "still open"); err != nil {
		t.Error(err)
	}
}

// A server that takes the header and then nothing is given time for as long as
// the context allows, and a server that breaks off has seen the request.
func TestAServerThatBreaksOffInTheMiddleOfABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, s := inMemory(t, func(s *server, c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				s.requests.Add(1)
			}
		})
		body, _, err := upload(t, tr, endless{})
		if _, unsent := errors.AsType[*dial.Error](err); err == nil || unsent {
			t.Errorf("error %v", err)
		}
		body.giveBack(t)
		s.want(t, 1, 1)
	})
}
