package proxy

import (
	"context"
	"net/http"

	"github.com/sessiongate/sessiongate/proxy/keepalive"
)

// hint is an informational answer (1xx) on its way to the client, as 103 Early
// Hints.
type hint struct {
	status int
	header http.Header
}

// maxHints is how many hints wait for their client. Who takes them in too slowly
// misses some: nothing depends on them (RFC 9110, section 15.2).
const maxHints = 8

// hints is where the run puts the upstream's informational answers, and the handler
// takes them out.
type hints chan hint

// Informational must not wait for the client: where that has left, nobody takes
// anything out.
func (to hints) Informational(status int, header http.Header) {
	if status == http.StatusContinue {
		return // the gate has answered that, or nobody has asked
	}
	select {
	case to <- hint{status: status, header: header}:
	default:
	}
}

// hearHints has the upstream's informational answers put into hints.
func hearHints(ctx context.Context, to hints) context.Context {
	return keepalive.Inform(ctx, to)
}

// takesHints says whether informational answers can come from the upstream and
// may go to the client: HTTP/1.0 does not know them.
func (x *exchange) takesHints() bool {
	return !x.upstream.FastCGI && x.r.ProtoAtLeast(1, 1)
}

// hint sends an informational answer at once. What it says to the gate is not
// obeyed: the turn depends on the answer itself.
func (x *exchange) hint(h hint) {
	to := x.w.Header()
	clear(to) // what stands there already is for the answer itself
	dropConnectionHeaders(h.header)
	for name, values := range h.header {
		if passesDownstream(name) {
			to[name] = values
		}
	}
	control := http.NewResponseController(x.w)
	x.extendWrite(control)
	x.w.WriteHeader(h.status)
	x.restWrite(control)
	clear(to)
}

// lastHints sends what came before the answer and was not sent yet.
func (x *exchange) lastHints() {
	for {
		select {
		case h := <-x.run.hints:
			x.hint(h)
		default:
			return
		}
	}
}
