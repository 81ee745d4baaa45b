package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sessiongate/sessiongate/proxy/fastcgi"
)

// FenceHeader carries the turn's fencing token to the upstream: of two requests
// of a session the later one's is greater, so that a writer can refuse an older.
const FenceHeader = "X-Sessiongate-Fence"

// forward starts the run and waits for the response headers. From here on the
// request runs by itself: whatever happens to the client, or to the gate's
// patience, the run ends when the upstream does.
func (x *exchange) forward() error {
	if x.gate.runs.Err() != nil {
		return shuttingDown() // nothing was sent, so the turn can be given back
	}
	if x.patience().Err() != nil {
		return errGone // the same; else resetting streams would fill PHP at no cost
	}
	if err := x.hold.lapsed(); err != nil {
		return x.slotRefusal(err)
	}
	x.run = x.startRun()
	var silent <-chan time.Time
	var patience *time.Timer
	if limit := x.upstream.ResponseTimeout; limit > 0 {
		patience = time.NewTimer(limit)
		defer patience.Stop()
		silent = patience.C
	}
	var unasked time.Duration // by how much response_timeout is later
	for {
		select {
		case <-x.run.head:
			return x.headOrRefusal()
		case h := <-x.run.hints:
			x.hint(h)
		case <-x.r.Context().Done():
			return errGone
		case <-silent:
			if more := x.run.unasked() - unasked; more > 0 {
				unasked += more
				patience.Reset(more)
				continue
			}
			x.gate.Metrics.upstreamError(x.upstream, KindSilent)
			return &Refusal{Status: http.StatusGatewayTimeout, Reason: ReasonUpstreamSilent, Detail: "The application did not answer in time."}
		}
	}
}

// headOrRefusal is called when the run has headers, or an error in their place.
func (x *exchange) headOrRefusal() error {
	switch err := x.run.err; {
	case err == nil:
		x.lastHints()
		return nil
	case errors.Is(err, fastcgi.ErrFolder):
		return x.toFolder()
	case errors.Is(err, errTurnOver), errors.Is(err, errQueueTimeout):
		return x.slotRefusal(err)
	default:
		return upstreamRefusal(err)
	}
}

// toFolder sends a browser to the folder that it meant. Its index script must not
// run by two paths: rules know it by the one.
func (x *exchange) toFolder() *Refusal {
	// One slash at the beginning: with two the next word would be a host.
	location := "/" + strings.Trim(x.r.URL.EscapedPath(), "/") + "/"
	if x.r.URL.RawQuery != "" {
		location += "?" + x.r.URL.RawQuery
	}
	status := http.StatusMovedPermanently
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		status = http.StatusPermanentRedirect // the method stays
	}
	return &Refusal{Status: status, Reason: ReasonFolder, Detail: "The page's address ends in a slash.", Location: location}
}

// outgoing is the request for the upstream, on a context of the gate's own.
func (x *exchange) outgoing(ctx context.Context) *http.Request {
	out := &http.Request{
		Method:     x.r.Method,
		URL:        x.outgoingURL(),
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     x.requestHeader(),
		Host:       x.r.Host,
		Body:       http.NoBody,
	}
	if x.body != nil && x.body.Size() > 0 {
		out.ContentLength = x.body.Size()
		out.Body = x.body.Reader()
	}
	x.addTrailer(out)
	if x.upstream.FastCGI {
		ctx = x.withFastCGIEnv(ctx)
	} else {
		x.offerUpgrade(out)
		if x.trailers { // hop by hop, and so named there (RFC 9110, section 10.1.4)
			out.Header["Te"] = []string{"trailers"}
			out.Header["Connection"] = append(out.Header["Connection"], "TE")
		}
		if x.fence != 0 {
			out.Header[FenceHeader] = []string{strconv.FormatUint(x.fence, 10)}
		}
		if x.token != "" {
			out.Header[LoopbackHeader] = []string{x.token}
		}
	}
	return out.WithContext(ctx)
}

// withFastCGIEnv adds what CGI variables need beyond the request itself.
func (x *exchange) withFastCGIEnv(ctx context.Context) context.Context {
	env := fastcgi.Env{
		RemoteAddr: x.client.Addr,
		RemotePort: x.client.Port,
		HTTPS:      x.scheme() == "https",
		RequestURI: x.r.RequestURI,
		Fence:      x.fence,
		Loopback:   x.token,
	}
	if x.r.URL.Host != "" { // absolute form: PHP expects the path
		env.RequestURI = x.r.URL.RequestURI()
	}
	if local, ok := x.r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		at := local.AddrPort()
		env.ServerAddr = at.Addr().Unmap()
		if !x.client.Trusted {
			env.ServerPort = at.Port() // behind a proxy, the port that clients see is the scheme's
		}
	}
	return fastcgi.WithEnv(ctx, env)
}

// outgoingURL keeps path and query exactly as the client wrote them.
func (x *exchange) outgoingURL() *url.URL {
	u := *x.r.URL
	u.Scheme, u.Host, u.User = "http", x.upstream.Host, nil
	return &u
}
