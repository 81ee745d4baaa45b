package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// offeredProtocols are those that the client would change to and that may be
// passed on, in its order; nil: none. An upgrade may always be ignored (RFC
// 9110, section 7.8); it is where there is none to be had:
//
//   - over HTTP/1.0 and HTTP/2, which have no upgrades;
//   - with a body: what follows it could be meant for either protocol;
//   - where the new protocol carries HTTP again (h2c, TLS): requests would pass
//     the gate unseen. Clients offer them and do without, Java's HttpClient with
//     every request;
//   - WebSocket without GET, which is none (RFC 6455, section 4.1).
func offeredProtocols(r *http.Request) (offered []string) {
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.ContentLength != 0 || !listed(r.Header["Connection"], "upgrade") {
		return nil
	}
	for _, line := range r.Header["Upgrade"] {
		for protocol := range strings.SplitSeq(line, ",") {
			protocol = strings.TrimSpace(protocol)
			if wellFormedProtocol(protocol) && !carriesHTTP(protocol) && (!isWebSocket(protocol) || r.Method == http.MethodGet) {
				offered = append(offered, protocol)
			}
		}
	}
	return offered
}

// wellFormedProtocol says whether it is a name, or a name and a version (RFC 9110,
// section 7.8): what is neither, somebody may take for another.
func wellFormedProtocol(protocol string) bool {
	name, version, versioned := strings.Cut(protocol, "/")
	return httpguts.ValidHeaderFieldName(name) && (!versioned || httpguts.ValidHeaderFieldName(version)) // both are tokens
}

// carriesHTTP says whether requests may follow in the protocol.
func carriesHTTP(protocol string) bool {
	name, _, _ := strings.Cut(strings.ToLower(protocol), "/")
	switch name {
	case "http", "h2c", "h2", "h3", "tls":
		return true
	}
	return false
}

func isWebSocket(protocol string) bool { return strings.EqualFold(protocol, "websocket") }

// refuseUpgrade turns away what FastCGI cannot do and the client cannot do
// without: a WebSocket. Other offers are ignored there.
func (x *exchange) refuseUpgrade() error {
	if !x.upstream.FastCGI {
		return nil
	}
	for _, protocol := range x.upgrade {
		if isWebSocket(protocol) {
			return &Refusal{Status: http.StatusNotImplemented, Reason: ReasonUpgrade, Detail: "There are no WebSockets here."}
		}
	}
	x.upgrade = nil
	return nil
}

// reserveUpgrade takes a place among the upgraded connections, as a body takes
// one among those that are being read. It is taken before the wait, so that
// nobody waits for a turn only to be refused.
func (x *exchange) reserveUpgrade() error {
	if x.upgrade == nil {
		return nil
	}
	if x.gate.tunnels.Err() != nil {
		return shuttingDown()
	}
	reason, ok := x.gate.upgraded.begin(x.clientID)
	if !ok {
		status := http.StatusTooManyRequests
		if reason == ReasonUpgradedTotal {
			status = http.StatusServiceUnavailable
		}
		return &Refusal{Status: status, Reason: reason, Detail: "Too many connections are upgraded.", RetryAfter: retryDelay}
	}
	x.reserved = true
	return nil
}

// errBadSwitch is a 101 that does not fit what was asked for.
var errBadSwitch = errors.New("proxy: the upstream changed to a protocol that the client has not offered")

// offerUpgrade passes the client's offer on.
func (x *exchange) offerUpgrade(out *http.Request) {
	if x.upgrade != nil {
		out.Header["Connection"] = append(out.Header["Connection"], "Upgrade")
		out.Header["Upgrade"] = []string{strings.Join(x.upgrade, ", ")}
	}
}

// switched hands the upstream's connection over to the client's handler. The run
// is over with that, and the turn too: what follows is no request, and may
// last for days.
func (r *run) switched(resp *http.Response) error {
	conn, writable := resp.Body.(io.ReadWriteCloser)
	protocol := resp.Header.Get("Upgrade")
	if !writable || !listed(r.offered, protocol) {
		_ = resp.Body.Close()
		return errBadSwitch
	}
	r.mu.Lock()
	left := r.left
	r.resp, r.protocol, r.switchedTo = resp, protocol, conn
	r.mu.Unlock()
	close(r.head)
	if left {
		r.discard()
	}
	return nil
}
