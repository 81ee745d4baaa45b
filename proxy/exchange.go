package proxy

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/internal/spool"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// Why a run is cut off from its upstream.
var (
	errClosed    = errors.New("proxy: the gate is closed")
	errLeaseLost = errors.New("proxy: the lease was lost")
)

// exchange is one request on its way. It belongs to the client's handler; what
// outlives the handler is handed over to the run.
type exchange struct {
	*record
	gate *Gate
	w    http.ResponseWriter
	r    *http.Request

	crowded  bool     // one stream of HTTP/2 too many
	upgrade  []string // the protocols that the client would change to; nil: none
	reserved bool     // a place among the upgraded connections
	trailers bool     // the client wants the answer's trailer
	client   clientip.Client
	clientID string // what the client's places are counted under
	id       sessionID
	policy   *rules.Policy
	upstream *Upstream
	rulePath string // as rules see it

	quotas    quotas // what the client is told of its limits
	leaveCaps func() // gives the places of concurrency caps back; nil: none taken

	served   bool // by a stage on the way: nothing more is to be done
	locked   bool // the request needs a turn
	ticket   lockstore.Request
	bodyRead bool
	body     *spool.Body     // nil: none, or handed over to the run
	hold     *hold           // nil: no turn, or handed over to the run
	slot     balance.Slot    // none before admit, or handed over to the run
	asks     balance.Request // for a slot
	ahead    *lockstore.Turn // of those that the same request has called; nil: none, or handed over to the run
	fence    uint64          // of the turn; 0: none
	call     call            // where the application itself sent the request
	token    string          // for those whom the upstream calls; "": none
	run      *run            // nil until forward
	extended time.Time       // when the client was given time to take the answer
	taking   *taking         // nil until the answer is long enough
}

// newExchange takes what depart gives back.
func (g *Gate) newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{gate: g, w: w, r: r, record: newRecord(g)}
	x.crowded = x.overHTTP2() && !g.streams.enter()
	return x
}

// way is the stages in their order.
var way = [...]struct {
	name Stage
	do   func(*exchange) error
}{
	{StageDecide, (*exchange).decide},
	{StageKey, (*exchange).key},
	{StageLimit, (*exchange).limit},
	{StageFiles, (*exchange).files},
	{StageCheck, (*exchange).check},
	{StageSpool, (*exchange).spool},
	{StageWait, (*exchange).wait},
	{StageAdmit, (*exchange).admit},
	{StageForward, (*exchange).forward},
	{StageRelay, (*exchange).relay},
}

// pass takes the request through the stages until one refuses it, or has
// answered it.
func (x *exchange) pass() error {
	if x.crowded {
		return streamsFull()
	}
	for _, stage := range way {
		x.stage = stage.name
		if err := stage.do(x); err != nil || x.served {
			return err
		}
	}
	x.stage = StageDone
	return nil
}

// refuse answers for a stage that could not go on. A client that counts as gone
// may still be reading (it closed its sending side only): returning would send
// it an empty answer, or end half an answer as if it were whole.
func (x *exchange) refuse(err error) {
	if errors.Is(err, errGone) {
		x.recordGone()
		x.cutConnection()
	}
	refusal := asRefusal(err)
	x.status, x.reason, x.cause = refusal.Status, refusal.Reason, refusal.Err
	control := http.NewResponseController(x.w)
	x.extendWrite(control)
	// Over HTTP/2 nothing stands in the answer's way, and the stream is reset
	// behind it (RFC 9113, section 8.1); closing would take other streams along.
	unread := x.r.ContentLength != 0 && !x.bodyRead && !x.overHTTP2()
	if unread {
		// net/http reads on after the answer, so that no reset overtakes it. That
		// must not last as long as the client likes.
		_ = control.SetReadDeadline(time.Now().Add(lingerTimeout))
	}
	refusal.quotas = x.quotas
	x.sent = refusal.write(x.w, x.r, x.requestID, x.setup.Page, unread || endsConnection(x.r))
	x.answered = time.Since(x.arrived)
	switch {
	case unread:
		x.linger(control)
	case x.gate.runs.Err() != nil:
		_ = control.Flush() // the server is closed as soon as all handlers have returned
	}
}

// recordGone notes that nobody was answered: because the client has left, or
// because the gate ends and has cut its connections.
func (x *exchange) recordGone() {
	if x.gate.runs.Err() != nil {
		x.status, x.reason = http.StatusServiceUnavailable, ReasonShuttingDown
		return
	}
	x.status, x.gone = statusGone, true
}

// lingerTimeout is how long a connection is kept to take in what is left of a
// body that was refused.
const (
	lingerTimeout = time.Second
	lingerBytes   = 64 << 20
)

// linger reads on for a moment after a refusal has been sent. Closing on unread
// bytes resets the connection, and the reset can overtake the refusal: a proxy
// in front would then report a bad gateway. net/http lingers only where it was
// not asked to close. A client that waits for 100 Continue sends nothing.
func (x *exchange) linger(control *http.ResponseController) {
	if control.Flush() != nil || x.r.Header.Get("Expect") != "" {
		return
	}
	_, _ = io.CopyN(io.Discard, x.r.Body, lingerBytes) // or to the end, the deadline, the client's departure
}

// depart gives back whatever the handler still has. It is deferred, so it also
// runs where a stage panics; then the run and its turn go on by themselves. The
// panic is net/http's to log, and to cut the connection.
func (x *exchange) depart() {
	if x.status == 0 { // nothing was answered, and nobody has left
		x.status, x.reason = http.StatusInternalServerError, ReasonInternal
	}
	if x.answered == 0 {
		x.answered = time.Since(x.arrived)
	}
	if x.run != nil {
		x.run.leave(x.gone)
	}
	if x.slot.Server() != nil {
		x.slot.Leave()
	}
	endAhead(x.ahead)
	if x.hold != nil {
		x.hold.end()
	}
	if x.body != nil {
		_ = x.body.Close() // nothing to be done about a scratch file
	}
	if x.leaveCaps != nil {
		x.leaveCaps()
	}
	if x.reserved {
		x.gate.upgraded.end(x.clientID)
	}
	x.count()
	x.finish()
	if x.overHTTP2() {
		x.outlastRun()
		x.gate.streams.leave()
	}
}
