package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/internal/spool"
	"github.com/sessiongate/sessiongate/lockstore"
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

	upgrade  string // the protocol that the client would change to; "" none
	client   clientip.Client
	clientID string // what the client's places are counted under
	id       sessionID
	policy   *rules.Policy
	upstream *Upstream

	locked   bool // the request needs a turn
	ticket   lockstore.Request
	bodyRead bool
	body     *spool.Body // nil: none, or handed over to the run
	hold     *hold       // nil: no turn, or handed over to the run
	fence    uint64      // of the turn; 0: none
	run      *run        // nil until forward
}

// way is the stages in their order.
var way = [...]struct {
	name Stage
	do   func(*exchange) error
}{
	{StageDecide, (*exchange).decide},
	{StageKey, (*exchange).key},
	{StageCheck, (*exchange).check},
	{StageSpool, (*exchange).spool},
	{StageWait, (*exchange).wait},
	{StageForward, (*exchange).forward},
	{StageRelay, (*exchange).relay},
}

// pass takes the request through the stages until one refuses it.
func (x *exchange) pass() error {
	for _, stage := range way {
		x.stage = stage.name
		if err := stage.do(x); err != nil {
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
	unread := x.r.ContentLength != 0 && !x.bodyRead
	if unread {
		// net/http reads on after the answer, so that no reset overtakes it. That
		// must not last as long as the client likes.
		_ = control.SetReadDeadline(time.Now().Add(lingerTimeout))
	}
	x.sent = refusal.write(x.w, x.r, x.gate.Page, unread)
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

// cutConnection ends the request without an end that the client could take for
// one. HTTP/1.0 knows an answer's end by the connection's: there it has to be a
// reset.
func (x *exchange) cutConnection() {
	if conn, ok := x.r.Context().Value(connKey{}).(*net.TCPConn); ok && !x.r.ProtoAtLeast(1, 1) {
		_ = conn.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}

// depart gives back whatever the handler still has. It is deferred, so it also
// runs where a stage panics; then the run and its turn go on by themselves.
func (x *exchange) depart() {
	if x.answered == 0 {
		x.answered = time.Since(x.arrived)
	}
	if x.run != nil {
		x.run.leave()
	}
	if x.hold != nil {
		x.hold.end()
	}
	if x.body != nil {
		_ = x.body.Close() // nothing to be done about a scratch file
	}
	x.count()
	x.finish()
}
