package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/internal/spool"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/fastcgi"
)

// run is a request at the upstream, detached from its client. It owns the turn
// and the request body, and fills the pipe that the relay stage empties. When
// the client leaves, it goes on and throws the answer away.
type run struct {
	gate      *Gate
	upstream  *Upstream
	client    string      // whose share of the spool the answer takes
	affinity  balance.Key // finds the session's server; zero: any
	policy    *rules.Policy
	record    *record
	hold      *hold       // nil: no turn
	body      *spool.Body // nil: none
	req       *http.Request
	slot      balance.Slot            // on a server; none at the end
	ahead     *lockstore.Turn         // until the slot is given back; nil: none
	leaveCaps func()                  // gives places of caps back, once the handler does, too; nil: none
	stop      context.CancelCauseFunc // ends the request's context; nil: only the gate's end does

	// head is closed when resp and pipe, or err, are there.
	head   chan struct{}
	resp   *http.Response
	err    error
	failed bool // fail has been called

	hints     chan hint   // informational answers; nil: none may come
	announced []string    // names of the trailer; there with head
	trailer   http.Header // of the answer; there when the pipe has ended with io.EOF

	offered    []string           // protocols to change to
	protocol   string             // the one that the upstream has changed to
	switchedTo io.ReadWriteCloser // its connection, there with head; the handler's from then on

	heard chan struct{} // closed when the client has its new id; nil: it stays as it was
	ended chan struct{} // closed when all has been given back; nil: nobody asks

	mu        sync.Mutex
	pipe      *spool.Pipe             // nil until the headers are there
	left      bool                    // the client has gone, or has been answered
	unwanted  bool                    // nobody needs another server to be tried
	stream    io.Closer               // the answer, where it may have no end
	told      bool                    // heard is closed
	abandoned bool                    // stream was closed because nobody needs it
	giveUp    context.CancelCauseFunc // ends the wait for another server; nil: it does not wait
	moving    time.Time               // since when it waits for another server; zero: it does not
	moved     time.Duration           // how long it has waited for other servers before
	over      bool                    // the upstream is done, or cut off
	bound     *time.Timer             // abandoned_timeout; nil: somebody needs the run, or there is no bound
}

// startRun hands turn and body over to a new run.
func (x *exchange) startRun() *run {
	x.becomeCaller()
	ctx, stop := x.gate.runs, context.CancelCauseFunc(nil)
	abort := x.hold != nil && x.setup.AbortOnLostLease
	if abort || x.upstream.AbandonedTimeout > 0 {
		ctx, stop = context.WithCancelCause(ctx)
	}
	var hints chan hint
	if x.takesHints() {
		hints = make(chan hint, maxHints)
		ctx = hearHints(ctx, hints)
	}
	r := &run{
		gate:     x.gate,
		upstream: x.upstream,
		client:   x.clientID,
		affinity: x.asks.Session,
		slot:     x.slot,
		ahead:    x.ahead,
		policy:   x.policy,
		record:   x.record,
		hold:     x.hold,
		body:     x.body,
		req:      x.outgoing(ctx),
		stop:     stop,
		head:     make(chan struct{}),
		hints:    hints,
		offered:  x.upgrade,
	}
	if x.overHTTP2() {
		r.ended = make(chan struct{})
	}
	r.record.upstream = r.upstream.Name
	r.record.join()
	if r.hold != nil {
		r.hold.then(r.abandon)
	}
	if abort {
		r.hold.whenLost(func() { stop(errLeaseLost) })
	}
	r.leaveCaps = x.shareCaps()
	x.hold, x.body, x.slot, x.ahead = nil, nil, balance.Slot{}, nil
	r.gate.runners.start(r)
	return r
}

// do runs the request and gives back, on every path, what the run owns.
func (r *run) do() {
	began := time.Now()
	var delay time.Duration // nothing to wait for where nothing was answered
	err := r.guard(func() error { return r.answer(&delay) })
	r.unbound()
	r.leaveServer()
	if r.leaveCaps != nil {
		r.leaveCaps()
	}
	if err == nil {
		r.upstream.pace.note(time.Since(began))
	}
	r.giveBack(err, delay)
	switch {
	case err != nil:
		r.fail(err)
	case r.pipe != nil:
		r.pipe.CloseWrite(nil)
	}
	if r.body != nil {
		_ = r.body.Close() // nothing to be done about a scratch file
	}
	if r.stop != nil {
		r.stop(nil)
	}
	r.record.ran = time.Since(began)
	r.record.finish()
	if r.ended != nil {
		close(r.ended)
	}
}

// giveBack ends the turn: after a delay where the upstream has ended, and as
// one that others must wait for where the gate's end has cut it off.
func (r *run) giveBack(err error, delay time.Duration) {
	r.awaitHeard()
	switch {
	case r.hold == nil:
	case errors.Is(err, errClosed) && kindOf(err) != KindConnect: // sent, and not ended
		r.hold.abandon()
	default:
		r.hold.endAfter(delay)
	}
}

// guard turns a panic into an error, so that the turn is given back.
func (r *run) guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.gate.Log.Error().Interface("panic", p).Bytes("stack", debug.Stack()).Msg("panic while a request ran")
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return do()
}

// answer takes the upstream's answer from its first byte to its last. The turn
// may end in the middle where somebody said so; delay is how long it is kept
// after the end.
func (r *run) answer(delay *time.Duration) error {
	resp, err := r.send()
	if unfinished, ok := errors.AsType[*fastcgi.UnfinishedError](err); ok {
		return r.outlast(unfinished)
	}
	if err != nil {
		return r.because(withoutContent(err))
	}
	if resp.StatusCode == http.StatusSwitchingProtocols && r.offered != nil {
		*delay = r.obey(r.orders(resp.Header))
		return r.switched(resp)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 999 {
		return fmt.Errorf("%w: %d", errBadStatus, resp.StatusCode)
	}
	if !wellNamed(resp.Header) {
		return fmt.Errorf("%w (a space in the name of a field)", errMalformed)
	}
	r.noteID(resp.Header)
	*delay = r.obey(r.orders(resp.Header))
	r.open(resp)
	_, err = r.pipe.Fill(r.req.Context(), resp.Body)
	r.gate.Metrics.stalled(r.pipe.Stalled())
	if r.wasAbandoned() {
		return nil
	}
	r.trailer = resp.Trailer
	return r.because(err)
}

// because gives an error the cause for which the run was cut off, where it was:
// transports do not always name it.
func (r *run) because(err error) error {
	cause := context.Cause(r.req.Context())
	if err == nil || cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w (%w)", cause, err)
}

// outlast waits for PHP to end behind an answer that is of no use. The client
// hears of it at once; the turn is kept, for PHP runs on.
func (r *run) outlast(unfinished *fastcgi.UnfinishedError) error {
	r.mu.Lock()
	r.stream = unfinished // nobody will read it, and it may have no end
	r.mu.Unlock()
	r.fail(unfinished)
	r.abandon() // the client may have left before
	if err := unfinished.Wait(); err != nil {
		return r.because(err)
	}
	return unfinished
}

// obey ends the turn now, or soon, where page or rule say so; otherwise it
// returns how long the turn is kept after the answer's end.
func (r *run) obey(o orders) (after time.Duration) {
	after = max(r.policy.ReleaseDelay, o.hold)
	switch {
	case r.hold == nil:
	case o.release: // the page itself says that its session is closed
		r.hold.end()
	case r.policy.ReleaseOnHeaders && o.hold == 0:
		r.hold.endAfter(after)
	}
	return after
}

// orders reads the answer's control header; a bad one is logged, for it means
// that the application believes in a release that does not happen.
func (r *run) orders(h http.Header) orders {
	o, bad := readOrders(h)
	if bad != "" {
		r.gate.Log.Warn().Str("header", ControlHeader).Str("found", bad).Str("allowed", "release, hold=<duration>").
			Str("path", r.record.path).Msg("control header not understood, the turn ends with the answer")
	}
	return o
}

// open makes the pipe and lets the handler know of the headers.
func (r *run) open(resp *http.Response) {
	endless := unbuffered(resp.Header)
	setup := r.record.setup
	pipe := r.gate.Spool.NewPipe(spool.PipeLimits{
		Memory:     setup.ResponseMemory,
		Max:        setup.MaxResponse,
		MemoryOnly: endless,
		Client:     spool.Client{Key: r.client, Memory: setup.MaxMemoryPerClient, Disk: setup.MaxDiskPerClient},
	})
	r.mu.Lock()
	left := r.left
	r.resp, r.pipe, r.announced = resp, pipe, announced(resp)
	if endless {
		r.stream = resp.Body
	}
	r.mu.Unlock()
	close(r.head)
	if left {
		r.discard()
	}
}

// leave says that the client has gone, or has been answered: whatever comes is
// thrown away.
func (r *run) leave(gone bool) {
	r.mu.Lock()
	r.left = true
	r.unwanted = !gone || !r.policy.Unattended
	unwanted, giveUp := r.unwanted, r.giveUp
	r.mu.Unlock()
	if unwanted && giveUp != nil {
		giveUp(errGone)
	}
	r.discard()
}

// discard throws away what has come and what comes.
func (r *run) discard() {
	r.tell()
	r.mu.Lock()
	pipe, conn := r.pipe, r.switchedTo
	r.mu.Unlock()
	if conn != nil {
		_ = conn.Close() // for the second time, where the tunnel has ended
	}
	if pipe != nil {
		pipe.CloseRead()
	}
	r.abandon()
}

// abandon cuts a stream that nobody reads and that no turn depends on. Other
// answers are read to their end, for PHP ends by itself; a stream may not, and
// its worker would be lost. PHP notices when it writes next. Both have a bound.
func (r *run) abandon() {
	r.mu.Lock()
	stream, idle := r.stream, r.left && r.hold.gone()
	r.boundLocked(idle)
	needed := stream == nil || r.abandoned || !idle
	r.abandoned = r.abandoned || !needed
	r.mu.Unlock()
	if !needed {
		_ = stream.Close() // Fill ends
	}
}

// wasAbandoned says whether abandon has cut the answer.
func (r *run) wasAbandoned() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.abandoned
}

// fail lets the handler know that the answer is not, or not wholly, there.
func (r *run) fail(err error) {
	if r.failed {
		return
	}
	r.failed = true
	switch {
	case errors.Is(err, errAbandoned): // counted by itself
		r.record.upstreamErr = err
	case !ours(err):
		r.gate.Metrics.upstreamError(r.upstream, kindOf(err))
		r.record.upstreamErr = err
	}
	if r.pipe != nil {
		r.pipe.CloseWrite(err)
		return
	}
	r.err = err
	close(r.head)
}

// unbuffered says that an answer is made to be read as it is written: it never
// goes to disk, and it may have no end.
func unbuffered(h http.Header) bool {
	if h.Get("X-Accel-Buffering") == "no" {
		return true
	}
	const stream = "text/event-stream"
	media := strings.TrimLeft(h.Get("Content-Type"), " \t")
	if len(media) < len(stream) || !strings.EqualFold(media[:len(stream)], stream) {
		return false
	}
	media, _, _ = mime.ParseMediaType(media)
	return media == stream
}
