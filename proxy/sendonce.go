package proxy

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// sendOnce keeps net/http's Transport from sending a request again when a
// connection breaks: it does so for GET, HEAD, OPTIONS and TRACE, and for
// whatever carries an Idempotency-Key. The first one may still be running, and
// its session would then have two. http.Request.isReplayable tells by what the
// Transport decides; the signs are taken away here, and nothing changes on the
// wire.
//
// The price is a 502 where a server closes an idle connection in the moment in
// which it is used again. idleTimeout keeps that rare: the gate lets go of
// connections before common servers do.
func sendOnce(out *http.Request) {
	switch out.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		if out.Body == http.NoBody {
			// A reader that net/http knows to be in memory: it then sends the head
			// together with the (empty) body.
			out.Body = io.NopCloser(bytes.NewReader(nil))
			out.TransferEncoding = identity
		}
	}
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := out.Header[name]; ok {
			delete(out.Header, name)
			out.Header[strings.ToLower(name)] = values
		}
	}
}

// identity asks for neither chunks nor a Content-Length.
var identity = []string{"identity"}
