package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
)

// slowBody gives a byte every so often.
type slowBody struct {
	left  int
	every time.Duration
}

func (s *slowBody) Read(p []byte) (int, error) {
	<-time.After(s.every)
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	p[0] = 'x'
	return 1, nil
}

func TestUploadBelowTheLeastRateIsRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		body  slowBody
		slow  bool
		after time.Duration
	}{
		{"slow, but over before it counts", slowBody{left: 25, every: time.Second}, false, 26 * time.Second},
		{"too slow for too long", slowBody{left: 100, every: time.Second}, true, RateGrace + time.Second},
		{"fast enough for long", slowBody{left: 1000, every: time.Second / 10}, false, 1001 * time.Second / 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				p := newPacedReader(&c.body, http.NewResponseController(nil), Settings{MinBodyRate: 5})
				_, err := io.Copy(io.Discard, p)
				if slow := err == errTooSlow; slow != c.slow || time.Since(began) != c.after {
					t.Fatalf("err %v after %v, want slow=%v after %v", err, time.Since(began), c.slow, c.after)
				}
			})
		})
	}
}

func TestUploadsAreBounded(t *testing.T) {
	u := newPlaces(ReasonUploadsTotal, ReasonUploadsClient)
	u.bound(3, 2)
	take := func(client string, want Reason) {
		t.Helper()
		if got, _ := u.begin(client); got != want {
			t.Fatalf("begin(%q): %q, want %q", client, got, want)
		}
	}
	take("a", "")
	take("a", "")
	take("a", ReasonUploadsClient)
	take("", "")
	take("b", ReasonUploadsTotal)
	u.end("a")
	take("b", "")
	u.end("a")
	u.end("b")
	u.end("")
	if u.count() != 0 || len(u.byClient) != 0 {
		t.Fatalf("left behind: %d, %v", u.count(), u.byClient)
	}
}

func TestUploadHoldsNoPlaceInTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		r, w := io.Pipe()
		req := newRequest()
		req.Method, req.Body, req.ContentLength = "POST", r, 4
		req.RemoteAddr = "192.0.2.1:1"
		req.Header.Set("Cookie", "PHPSESSID=abc")
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.gate.ServeHTTP(newDiscard(), req)
		}()
		_, _ = w.Write([]byte("ab"))
		synctest.Wait()
		b.want("sessions", b.locks.Sessions(), 0)
		b.want("uploads", b.gate.uploads.count(), 1)
		b.send("GET", "")
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok(""))
		_, _ = w.Write([]byte("cd"))
		_ = w.Close()
		synctest.Wait()
		b.want("uploads", b.gate.uploads.count(), 0)
		s.let(ok(""))
		<-done
	})
}

type discard struct{ h http.Header }

func newDiscard() *discard                     { return &discard{http.Header{}} }
func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Flush()                      {}

func TestBodyIsPassedWholeAndMeasured(t *testing.T) {
	for _, size := range []int{1, 64 << 10, 64<<10 + 1, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			want := strings.Repeat("x", size)
			b := newBench(t, func(r *http.Request) (*http.Response, error) {
				got, err := io.ReadAll(r.Body)
				if err != nil || string(got) != want || r.ContentLength != int64(size) {
					t.Errorf("body of %d bytes arrives as %d (length %d, %v)", size, len(got), r.ContentLength, err)
				}
				return answer(strings.NewReader("")), nil
			})
			v := b.send("POST", want)
			<-v.done
		})
	}
}

func TestTooLargeBodyIsRefused(t *testing.T) {
	limit := func(p *rules.Policy, _ *Settings) { p.MaxBodySize = 10 }
	b := newBench(t, func(*http.Request) (*http.Response, error) {
		t.Error("a body that is too large reaches PHP")
		return nil, io.EOF
	}, limit)
	v := b.send("POST", "eleven byte")
	<-v.done
	if v.Code != http.StatusRequestEntityTooLarge || v.Header().Get("Connection") != "close" {
		t.Fatalf("status %d, header %v", v.Code, v.Header())
	}
}
