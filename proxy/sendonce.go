package proxy

import (
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
			out.Body = emptyBody{}
			out.TransferEncoding = []string{"identity"} // neither chunked nor a Content-Length
		}
	}
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := out.Header[name]; ok {
			delete(out.Header, name)
			out.Header[strings.ToLower(name)] = values
		}
	}
}

// emptyBody is a body of no bytes that does not say so beforehand.
type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }
func (emptyBody) Close() error             { return nil }
