package e2e

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// occupied is a backend that counts how many requests it works at.
type occupied struct {
	now, most atomic.Int64
	goOn      context.Context // "/wait" works until this ends
	finish    context.CancelFunc
}

// inFrontOfOccupied runs a gate before such a backend, which is free again
// before the gate ends.
func inFrontOfOccupied(t *testing.T, parts ...string) (*gate, *occupied) {
	t.Helper()
	o := &occupied{}
	o.goOn, o.finish = context.WithCancel(context.WithoutCancel(t.Context()))
	g := inFrontOfHTTP(t, o.serve, append([]string{newCertificate(t).config()}, parts...)...)
	t.Cleanup(o.finish)
	return g, o
}

func (o *occupied) serve(w http.ResponseWriter, r *http.Request) {
	n := o.now.Add(1)
	defer o.now.Add(-1)
	for most := o.most.Load(); n > most && !o.most.CompareAndSwap(most, n); most = o.most.Load() {
	}
	if r.URL.Path == "/wait" {
		<-o.goOn.Done()
	}
}

// heap is what is in use now.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// bystander asks again and again, on a connection of its own, until stopped;
// stop gives how many answers it got, and the slowest.
func (g *gate) bystander(t *testing.T) (stop func() (answers int, slowest time.Duration)) {
	t.Helper()
	client := &gate{client: g.tlsClient()}
	var n int
	var slowest time.Duration
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer client.client.CloseIdleConnections()
		for {
			select {
			case <-end:
				return
			default:
			}
			a := client.do(overTLS(request(t, "GET", "/other", "other", nil)))
			if a.status != http.StatusOK {
				t.Errorf("somebody else got %d, %v", a.status, a.err)
				return
			}
			n++
			slowest = max(slowest, a.took)
		}
	}()
	return func() (int, time.Duration) {
		close(end)
		<-done
		return n, slowest
	}
}

// A client that opens streams and resets them at once (CVE-2023-44487) gets no
// more out of a connection than one that waits for its answers.
func TestRapidResetsTakeNothingFromOthers(t *testing.T) {
	const connections, resets, streams = 4, 5000, 100
	for name, header := range map[string][]string{"without a session": nil, "with one": {"cookie", cookie}} {
		t.Run(name, func(t *testing.T) {
			g, backend := inFrontOfOccupied(t, "{log: {access: false}, lock: {max_waiting: 0, max_waiting_per_client: 0}}")
			stop := g.bystander(t)
			var attackers sync.WaitGroup
			var sent atomic.Int64
			before := heap()
			for range connections {
				c := g.dialFrames(t, 0)
				head := strings.Clone(string(c.header(t, "GET", "/wait", header...)))
				ended := c.drainFrames()
				attackers.Go(func() {
					defer func() { <-ended }()
					defer c.conn.Close()
					for range resets {
						if c.open([]byte(head), true) != nil || c.WriteRSTStream(c.last, http2.ErrCodeCancel) != nil {
							return // the gate has had enough
						}
						sent.Add(1)
					}
				})
			}
			attackers.Wait()
			if most := backend.most.Load(); most > connections*streams+1 {
				t.Errorf("%d requests ran at once", most)
			}
			if grown := int64(heap()) - int64(before); grown > 64<<20 {
				t.Errorf("memory has grown by %d MB", grown>>20)
			}
			n, slowest := stop()
			t.Logf("%d streams reset, at most %d run at once; others: %d answers, slowest %v", sent.Load(), backend.most.Load(), n, slowest)
			if n == 0 || slowest > soon {
				t.Errorf("somebody else got %d answers, the slowest after %v", n, slowest)
			}
			backend.finish()
			for _, gauge := range []string{"in_flight", "waiting", "sessions", "connections"} {
				g.awaitMetric(t, gauge, 0)
			}
		})
	}
}

// A stream that was reset while PHP runs counts as one of its connection's until
// PHP has ended; with as many as there may be nothing more is begun, and with a
// few times as many the connection is closed.
func TestStreamsThatAreResetCountUntilPHPHasEnded(t *testing.T) {
	t.Parallel()
	const streams = 100
	g, backend := inFrontOfOccupied(t, "log: {access: false}")
	c := g.dialFrames(t, 0)
	for i := range streams {
		stream := c.ask(t, true, "GET", "/wait")
		eventually(t, func() bool { return backend.now.Load() == int64(i+1) }, func() string { return fmt.Sprint(i, " requests run") })
		c.reset(t, stream)
	}
	g.awaitMetric(t, `client_gone_total{stage="forward"}`, streams)
	waits := c.ask(t, true, "GET", "/other")
	for range 4*streams + 1 {
		c.reset(t, c.ask(t, true, "GET", "/wait"))
	}
	c.ask(t, true, "GET", "/wait")
	if why := c.awaitEnd(t); why != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("the connection ended with %v, with stream %d still waiting", why, waits)
	}
	if most := backend.most.Load(); most != streams {
		t.Errorf("%d requests ran at once", most)
	}
	g.awaitMetric(t, `http2_errors_total{error="conn_enhance_your_calm_too_many_early_resets"}`, 1)
	backend.finish()
	g.awaitMetric(t, "in_flight", 0)
	g.awaitMetric(t, "connections", 0)
}

// A header that never ends (CVE-2023-45288) ends its connection at twice the
// size that headers may have.
func TestAFloodOfContinuationsEndsItsConnection(t *testing.T) {
	const limit = 64 << 10
	g, _ := inFrontOfOccupied(t, "log: {access: false}") // the bystander's lines would take more
	stop := g.bystander(t)
	before := heap()
	for name, fragment := range map[string][]byte{
		"fields":     []byte(strings.Repeat("\x00\x01a\x01b", 3<<10)), // literal, not indexed
		"huge field": append([]byte("\x00\x01a\x7f\x80\x80\x80\x01"), strings.Repeat("b", 15<<10)...),
		"references": []byte(strings.Repeat("\x82", 15<<10)), // :method GET
	} {
		t.Run(name, func(t *testing.T) {
			c := g.dialFrames(t, 0)
			ended := c.drainFrames()
			head := c.header(t, "GET", "/")
			if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head, EndStream: true}); err != nil {
				t.Fatal(err)
			}
			sent := 0
			for ; sent < 64<<20; sent += len(fragment) {
				if c.WriteContinuation(1, false, fragment) != nil {
					break
				}
			}
			select {
			case <-ended: // by the gate
			case <-time.After(patience):
				t.Fatalf("the connection is still open after %d bytes", sent)
			}
		})
	}
	if grown := int64(heap()) - int64(before); grown > 8<<20 {
		t.Errorf("memory has grown by %d MB", grown>>20)
	}
	if n, slowest := stop(); n == 0 || slowest > soon {
		t.Errorf("somebody else got %d answers, the slowest after %v", n, slowest)
	}
	c := g.dialFrames(t, 0)
	large := c.ask(t, true, "GET", "/", "x-large", strings.Repeat("v", limit/2), "x-more", strings.Repeat("v", limit/4))
	c.await(t, large, false).want(t, "200") // what is allowed passes
	g.awaitMetric(t, "in_flight", 0)
}

func TestAHeaderLargerThanAllowedIsRefusedOverHTTP2(t *testing.T) {
	g, _ := inFrontOfOccupied(t, "server: {max_header_size: 4KiB}")
	c := g.dialFrames(t, 0)
	c.await(t, c.ask(t, true, "GET", "/", "x-a", strings.Repeat("v", 3<<10), "x-b", strings.Repeat("v", 3<<10)), false).want(t, "431")
}

// An endless header of empty pieces takes no memory, and no longer than a
// connection may be idle.
func TestAHeaderThatDoesNotComeToItsEndIsWaitedForAsLongAsAnIdleConnection(t *testing.T) {
	t.Parallel()
	g, _ := inFrontOfOccupied(t, "server: {idle_timeout: 500ms}")
	silent, trickling := g.dialFrames(t, 0), g.dialFrames(t, 0)
	for _, c := range []*frames{silent, trickling} {
		if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.header(t, "GET", "/"), EndStream: true}); err != nil {
			t.Fatal(err)
		}
	}
	ended := trickling.drainFrames()
	for trickling.WriteContinuation(1, false, nil) == nil {
		select {
		case <-ended:
		case <-time.After(time.Millisecond):
		}
	}
	silent.within(t, soon)
	silent.awaitEnd(t)
	g.awaitMetric(t, "connections", 0)
}

// A stream of the same connection keeps it open, but no half header does: when
// the last stream has ended the time of an idle connection begins.
func TestAHalfHeaderBesideAStreamEndsWithIt(t *testing.T) {
	t.Parallel()
	g, backend := inFrontOfOccupied(t, "server: {idle_timeout: 1s}")
	c := g.dialFrames(t, 0)
	c.ask(t, true, "GET", "/wait")
	eventually(t, func() bool { return backend.now.Load() == 1 }, func() string { return "the request does not run" })
	if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: c.header(t, "GET", "/"), EndStream: true}); err != nil {
		t.Fatal(err)
	}
	ended := c.drainFrames()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for sent := 0; ; sent++ {
		err := c.WriteContinuation(3, false, nil)
		if sent == 200 && err == nil {
			backend.finish() // after twice the idle time
		}
		if err != nil && sent < 200 {
			t.Fatalf("the stream was cut off: %v", err)
		}
		if err != nil {
			break
		}
		<-tick.C
	}
	<-ended
	g.awaitMetric(t, "connections", 0)
}

// Control frames that call for an answer, from a client that takes none.
func TestAFloodOfPingsEndsItsConnection(t *testing.T) {
	g, _ := inFrontOfOccupied(t, "server: {write_idle_timeout: 500ms}")
	c := g.dialFrames(t, 0)
	for c.WritePing(false, [8]byte{}) == nil {
	}
	g.awaitMetric(t, "connections", 0)
}
