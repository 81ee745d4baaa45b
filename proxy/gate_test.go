package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/internal/spool"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/loopback"
	"github.com/sessiongate/sessiongate/proxy/page"
	"github.com/sessiongate/sessiongate/proxy/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upstreamFunc plays PHP.
type upstreamFunc func(*http.Request) (*http.Response, error)

func (f upstreamFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// bench is a gate on a test's bench: its store, and an upstream to be played.
type bench struct {
	*testing.T
	gate  *Gate
	locks *lockstore.Memory
	log   *strings.Builder
}

// newBench makes a gate whose upstream is php. It checks at the end that
// nothing is left behind. It may be used inside a synctest bubble.
func newBench(t *testing.T, php upstreamFunc, change ...func(*rules.Policy, *Settings)) *bench {
	t.Helper()
	policy := rules.Policy{Cookie: "PHPSESSID", Upstream: "php", MaxWaiting: 64}
	settings := Settings{BodyMemory: 64 << 10, ResponseMemory: 256 << 10, MaxResponse: 1 << 30, AccessLog: true}
	for _, c := range change {
		c(&policy, &settings)
	}
	set, err := rules.Compile(policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := spool.Open(t.TempDir(), spool.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, locks: lockstore.NewMemory(lockstore.Limits{PerClient: 100}), log: &strings.Builder{}}
	b.gate = New(Parts{
		Locks:    b.locks,
		Keys:     session.NewHasher(nil),
		Loopback: loopback.NewSigner(nil),
		Spool:    pool,
		Metrics:  NewMetrics(prometheus.NewRegistry()),
		Log:      zerolog.New(zerolog.SyncWriter(b.log)),
	}, Setup{
		Rules: set, Clients: clientip.New(nil), Page: page.Default(), Settings: settings,
		Upstreams: []*Upstream{{Name: "php", Host: "127.0.0.1:9000", Servers: balance.New(balance.Options{}, balance.NewServer("127.0.0.1:9000", php))}},
	})
	t.Cleanup(func() { b.checkClean(pool) })
	return b
}

// upstream is the gate's, to be changed before the first request.
func (b *bench) upstream() *Upstream { return b.gate.setup.Load().Upstreams[0] }

// change has the gate go by a setup that is otherwise the same.
func (b *bench) change(change func(*Setup)) {
	next := b.gate.setup.Load().Setup
	change(&next)
	b.gate.Use(next)
}

// useRules has the gate go by other rules, without limits.
func (b *bench) useRules(set *rules.Set) {
	b.change(func(s *Setup) { s.Rules, s.Limits = set, nil })
}

// trust has the gate believe peers in a network.
func (b *bench) trust(network string) {
	b.change(func(s *Setup) { s.Clients = clientip.New([]netip.Prefix{netip.MustParsePrefix(network)}) })
}

// checkClean expects that every turn, place and byte has been given back.
func (b *bench) checkClean(pool *spool.Pool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.gate.Drain(ctx); err != nil {
		b.Errorf("drain: %v, %d in flight", err, b.gate.InFlight())
	}
	if b.locks.Waiting() != 0 || b.locks.Sessions() != 0 || b.gate.uploads.count() != 0 {
		b.Errorf("left behind: %d tickets, %d sessions, %d uploads", b.locks.Waiting(), b.locks.Sessions(), b.gate.uploads.count())
	}
	if sessions, waiting := b.gate.shadows.count(); sessions+waiting+len(b.gate.shadows.byClient) != 0 {
		b.Errorf("left behind in the shadow: %d sessions, %d that would wait", sessions, waiting)
	}
	if n := b.gate.nested.Sessions() + b.gate.nested.Waiting() + b.gate.callers.count() + len(b.gate.callers.holders); n != 0 {
		b.Errorf("left behind: %d callers and places among those they have called", n)
	}
	if u := pool.Usage(); u.Memory != 0 || u.Disk != 0 {
		b.Errorf("left behind in the spool: %+v", u)
	}
	if err := b.gate.Close(ctx); err != nil {
		b.Errorf("close: %v", err)
	}
	if err := pool.Close(); err != nil {
		b.Error(err)
	}
}

// visit is one client's request under way.
type visit struct {
	*httptest.ResponseRecorder
	leave func()
	done  chan struct{}
	cut   bool // the handler aborted the connection
	held  int  // bytes that net/http would throw away then
}

func (v *visit) Write(b []byte) (int, error) {
	v.held += len(b)
	return v.ResponseRecorder.Write(b)
}

func (v *visit) Flush() {
	v.held = 0
	v.ResponseRecorder.Flush()
}

// send begins a request of the session "abc".
func (b *bench) send(method, body string, header ...string) *visit {
	return b.sendTo(func(v *visit) http.ResponseWriter { return v }, method, body, header...)
}

// sendTo is send with a writer of its own for the answer.
func (b *bench) sendTo(writer func(*visit) http.ResponseWriter, method, body string, header ...string) *visit {
	ctx, leave := context.WithCancel(context.Background())
	r := httptest.NewRequestWithContext(ctx, method, "/cart", nil)
	if body != "" {
		r = httptest.NewRequestWithContext(ctx, method, "/cart", strings.NewReader(body))
	}
	r.Header.Set("Cookie", "PHPSESSID=abc")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	v := &visit{ResponseRecorder: httptest.NewRecorder(), leave: leave, done: make(chan struct{})}
	w := writer(v)
	go func() {
		defer close(v.done)
		defer leave()
		defer func() {
			if p := recover(); p != nil {
				v.cut = p == http.ErrAbortHandler
			}
		}()
		b.gate.ServeHTTP(w, r)
	}()
	return v
}

func (v *visit) ended() bool {
	select {
	case <-v.done:
		return true
	default:
		return false
	}
}

// answer makes an upstream's answer.
func answer(body io.Reader, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(body), ContentLength: -1}
}

// stage lets a test hold every request of the upstream and let them go one by
// one.
type stagehand struct {
	mu      sync.Mutex
	waiting []chan func() (*http.Response, error)
}

func (s *stagehand) php(*http.Request) (*http.Response, error) {
	c := make(chan func() (*http.Response, error))
	s.mu.Lock()
	s.waiting = append(s.waiting, c)
	s.mu.Unlock()
	return (<-c)()
}

// running is how many requests have reached PHP and were not answered yet.
func (s *stagehand) running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// let answers the oldest request.
func (s *stagehand) let(do func() (*http.Response, error)) {
	s.mu.Lock()
	c := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.mu.Unlock()
	c <- do
}

func ok(body string, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) { return answer(strings.NewReader(body), header...), nil }
}

func (b *bench) want(what string, got, want int) {
	b.Helper()
	if got != want {
		b.Fatalf("%s: %d, want %d", what, got, want)
	}
}

func TestOneRequestOfASessionRunsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		first, second := b.send("GET", ""), b.send("GET", "")
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok("one"))
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok("two"))
		synctest.Wait()
		for _, v := range []*visit{first, second} {
			if !v.ended() || v.Code != http.StatusOK {
				t.Fatalf("ended %v, status %d", v.ended(), v.Code)
			}
		}
	})
}

func TestClientThatLeavesWhileWaitingNeverReachesPHP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		third := b.send("GET", "")
		synctest.Wait()
		second.leave()
		synctest.Wait()
		if !second.ended() {
			t.Fatal("the handler of a client that left goes on waiting")
		}
		s.let(ok(""))
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok("third"))
		synctest.Wait()
		if got := third.Body.String(); got != "third" {
			t.Fatalf("the third client got %q", got)
		}
		b.want("left while waiting", int(testutil.ToFloat64(b.gate.Metrics.gone.WithLabelValues("wait"))), 1)
	})
}

func TestTurnIsKeptWhenTheClientLeavesWhilePHPRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		first := b.send("GET", "")
		synctest.Wait()
		first.leave()
		synctest.Wait()
		if !first.ended() {
			t.Fatal("the handler of a client that left goes on")
		}
		b.send("GET", "")
		synctest.Wait()
		b.want("at PHP", s.running(), 1)

		r, w := io.Pipe() // PHP writes its answer: still no end
		s.let(func() (*http.Response, error) { return answer(r), nil })
		_, _ = w.Write([]byte("into the void"))
		synctest.Wait()
		b.want("at PHP", s.running(), 0)
		_ = w.Close()
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok(""))
	})
}

func TestResponseTimeoutDoesNotEndTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		b.upstream().ResponseTimeout = time.Second
		first := b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		<-first.done
		if first.Code != http.StatusGatewayTimeout {
			t.Fatalf("status %d, want 504", first.Code)
		}
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok("too late"))
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		s.let(ok("in time"))
		<-second.done
		if got := second.Body.String(); got != "in time" {
			t.Fatalf("the second client got %q", got)
		}
	})
}

func TestMaxHoldEndsTheTurnButNotTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php, func(p *rules.Policy, _ *Settings) { p.MaxHold = time.Minute })
		first := b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		<-time.After(time.Minute)
		synctest.Wait()
		b.want("at PHP", s.running(), 2)
		b.want("hold_exceeded", int(testutil.ToFloat64(b.gate.Metrics.holdExceeded)), 1)
		s.let(ok("long"))
		s.let(ok("short"))
		<-first.done
		<-second.done
		if first.Body.String() != "long" || second.Body.String() != "short" {
			t.Fatalf("answers %q and %q", first.Body, second.Body)
		}
	})
}

func TestPanicWhileRunningGivesTheTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		first := b.send("GET", "")
		synctest.Wait()
		second := b.send("GET", "")
		synctest.Wait()
		s.let(func() (*http.Response, error) { panic("a defect") })
		synctest.Wait()
		if first.Code != http.StatusInternalServerError {
			t.Fatalf("status %d, want 500", first.Code)
		}
		s.let(func() (*http.Response, error) {
			return answer(io.MultiReader(strings.NewReader("half"), panicReader{})), nil
		})
		synctest.Wait()
		if !second.cut {
			t.Fatal("an answer that broke off with a panic was not cut")
		}
	})
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic("a defect in the middle") }

// brokenWriter is a client's connection that makes the handler panic.
type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) Write([]byte) (int, error) { panic("a defect in the handler") }

func TestPanicInTheHandlerLeavesTheTurnToTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		b := newBench(t, func(*http.Request) (*http.Response, error) { return answer(r), nil })
		req := httptest.NewRequest("GET", "/", nil)
		req.Header.Set("Cookie", "PHPSESSID=abc")
		go func() {
			defer func() { _ = recover() }()
			b.gate.ServeHTTP(brokenWriter{httptest.NewRecorder()}, req)
		}()
		_, _ = w.Write([]byte("first bytes"))
		synctest.Wait()
		b.want("sessions", b.locks.Sessions(), 1)
		_, _ = w.Write([]byte("more"))
		_ = w.Close()
		synctest.Wait()
		b.want("sessions", b.locks.Sessions(), 0)
	})
}

func TestBrokenAnswerIsCutNeverCompleted(t *testing.T) {
	for _, err := range []error{io.ErrUnexpectedEOF, errors.New("connection reset"), errWrappedEOF} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, func(*http.Request) (*http.Response, error) {
				return answer(io.MultiReader(strings.NewReader("half"), errReader{err})), nil
			})
			v := b.send("GET", "")
			<-v.done
			if !v.cut {
				t.Fatalf("after %v the answer %q was ended as if complete", err, v.Body)
			}
		})
	}
}

func TestBrokenAnswerIsCutBehindAllThatCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(*http.Request) (*http.Response, error) {
			return answer(lastWords("half")), nil
		})
		v := b.send("GET", "")
		<-v.done
		if !v.cut || v.Body.String() != "half" || v.held != 0 {
			t.Fatalf("cut %v, after %q, of which %d bytes were lost", v.cut, v.Body, v.held)
		}
	})
}

// lastWords are read together with the error behind them.
type lastWords string

func (w lastWords) Read(p []byte) (int, error) { return copy(p, w), io.ErrUnexpectedEOF }

var errWrappedEOF = errors.Join(errors.New("broken"), io.EOF)

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
