package proxy

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// mayTrail says whether a field may stand behind a body, and not only before it
// (RFC 9110, section 6.5.1). Whoever merges trailers into the header would
// otherwise read another message there than the gate, or the client, has read.
func mayTrail(name string) bool {
	switch name {
	case "Cookie", "Set-Cookie", "User-Agent", "Upgrade", "Location", "Vary", "Date", "Age", "Expires", "Retry-After", requestIDHeader:
		return false
	}
	return httpguts.ValidTrailerHeader(name)
}

// requestTrailer is what the client sent behind its body and may reach the
// upstream; nil: nothing. FastCGI knows no trailers.
func (x *exchange) requestTrailer() http.Header {
	if x.upstream.FastCGI || x.body == nil {
		return nil
	}
	var out http.Header
	for name, values := range x.r.Trailer {
		if len(values) == 0 || !mayTrail(name) || !passesUpstream(name, false) || strings.EqualFold(name, x.policy.Header) || x.setup.Rules.Reads(name) || !wellFormed(name, values) {
			continue // announced and not sent, or not to be passed on
		}
		if out == nil {
			out = make(http.Header, len(x.r.Trailer))
		}
		out[name] = values
	}
	return out
}

// wellFormed holds for every header that net/http has read; of trailers it
// does not look at names and values.
func wellFormed(name string, values []string) bool {
	if !httpguts.ValidHeaderFieldName(name) {
		return false
	}
	for _, v := range values {
		if !httpguts.ValidHeaderFieldValue(v) {
			return false
		}
	}
	return true
}

// chunked asks for a body in chunks: only these can have a trailer behind them.
var chunked = []string{"chunked"}

// addTrailer has the trailer announced and sent behind the request's body.
func (x *exchange) addTrailer(out *http.Request) {
	trailer := x.requestTrailer()
	if len(trailer) == 0 {
		return
	}
	out.Trailer, out.TransferEncoding, out.ContentLength = trailer, chunked, -1
	if out.Body == http.NoBody { // a trailer behind no chunk at all
		out.Body = x.body.Reader()
	}
}

// announced is the names of the trailer that an answer promises.
func announced(resp *http.Response) (names []string) {
	for name := range resp.Trailer {
		if passesBehind(name) {
			names = append(names, name)
		}
	}
	return names
}

// passesBehind says whether an upstream's trailer goes to the client.
func passesBehind(name string) bool { return mayTrail(name) && passesDownstream(name) }

// announceTrailer lets the client know what will come behind the body.
func (x *exchange) announceTrailer() {
	if len(x.run.announced) > 0 && x.r.ProtoAtLeast(1, 1) {
		x.w.Header()["Trailer"] = []string{strings.Join(x.run.announced, ", ")}
	}
}

// sendTrailer puts the trailer behind the body, whether it was announced or not.
// The body has to be flushed before: net/http would give a short one a
// Content-Length, behind which nothing can come.
func (x *exchange) sendTrailer(control *http.ResponseController) error {
	var sent http.Header
	for name, values := range x.run.trailer {
		if len(values) == 0 || !passesBehind(name) {
			continue
		}
		if sent == nil {
			if err := control.Flush(); err != nil {
				return errGone
			}
			sent = x.w.Header()
			clear(sent) // it has been sent; a field of the same name would be sent twice
		}
		sent[http.TrailerPrefix+name] = values
	}
	if sent == nil && len(x.run.announced) > 0 {
		clear(x.w.Header()) // the same for one that was announced and did not come
	}
	return nil
}
