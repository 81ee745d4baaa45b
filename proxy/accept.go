package proxy

import "net/http"

// accept finds out who the client is, and takes off what the client meant for
// this connection only: from here on, all stages see the headers that the
// upstream will see.
func (g *Gate) accept(w http.ResponseWriter, r *http.Request) *exchange {
	oneReading(r)
	x := &exchange{gate: g, w: w, r: r, record: newRecord(g, r)}
	x.stage = StageAccept
	x.crowded = x.overHTTP2() && !g.streams.enter()
	x.read()
	x.address = x.client.Addr
	x.requestID = requestID(r.Header, x.client.Trusted)
	if x.client.IgnoredHeader {
		g.Metrics.ignoredForwarding(g.Log, r.RemoteAddr)
	}
	return x
}

// read takes in what the request says of its connection and its client.
func (x *exchange) read() {
	x.upgrade = offeredProtocols(x.r)
	x.trailers = listed(x.r.Header["Te"], "trailers")
	dropConnectionHeaders(x.r.Header)
	x.client = x.setup.Clients.Resolve(x.r.RemoteAddr, x.r.Header)
	x.clientID = x.client.Key()
}
