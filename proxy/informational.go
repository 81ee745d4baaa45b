package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
)

// hint is an informational answer (1xx) on its way to the client, as 103 Early
// Hints.
type hint struct {
	status int
	header http.Header
}

const (
	// maxHints is how many hints wait for their client. Who takes them in too
	// slowly misses some: nothing depends on them (RFC 9110, section 15.2).
	maxHints = 8
	// maxInformational is how many an upstream may send before its answer. With
	// no such bound an upstream could go on for ever without one.
	maxInformational = 1000
)

// errInformational is an upstream that answers with nothing but 1xx.
var errInformational = errors.New("proxy: more than 1000 informational answers")

// hearHints has the upstream's informational answers put into hints. The run
// does so, which must not wait for the client: where that has left, nobody takes
// them out.
func hearHints(ctx context.Context, hints chan<- hint) context.Context {
	heard := 0
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
			if heard++; heard > maxInformational {
				return errInformational
			}
			if status == http.StatusContinue {
				return nil // the gate has answered that, or nobody has asked
			}
			select {
			case hints <- hint{status: status, header: http.Header(header)}:
			default:
			}
			return nil
		},
	})
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
