package proxy

import "net/http"

// accept finds out who the client is, and takes off what the client meant for
// this connection only: from here on, all stages see the headers that the
// upstream will see.
func (g *Gate) accept(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{gate: g, w: w, r: r, record: newRecord(g, r)}
	x.stage = StageAccept
	x.crowded = x.overHTTP2() && !g.streams.enter()
	x.upgrade = offeredProtocols(r)
	x.trailers = listed(r.Header["Te"], "trailers")
	dropConnectionHeaders(r.Header)
	x.client = g.Clients.Resolve(r.RemoteAddr, r.Header)
	x.clientID = x.client.Key()
	x.address = x.client.Addr
	x.requestID = requestID(r.Header, x.client.Trusted)
	if x.client.IgnoredHeader {
		g.Metrics.ignoredForwarding(g.Log, r.RemoteAddr)
	}
	return x
}
