package proxy

import "net/http"

// accept finds out who the client is, and takes off what was meant for this
// connection only: from here on, all stages see the headers that the upstream
// will see.
func (g *Gate) accept(w http.ResponseWriter, r *http.Request) *exchange {
	oneReading(r)
	x := &exchange{gate: g, w: w, r: r, record: newRecord(g, r)}
	x.stage = StageAccept
	x.crowded = x.overHTTP2() && !g.streams.enter()
	x.read()
	x.requestID = requestID(r.Header, x.client.Trusted)
	if x.client.IgnoredHeader {
		g.Metrics.ignoredForwarding(g.Log, r.RemoteAddr)
	}
	return x
}

// read takes in what the request says of its connection and its client.
//
// What Connection names is deleted only where the peer is the client. A trusted
// proxy's Connection may be the client's (HAProxy passes it on): it would delete
// what the proxy itself has written, and so the client would choose its address,
// or evade a rule by a header that the proxy sets. What is hop by hop by itself
// passes from nobody (passesUpstream).
func (x *exchange) read() {
	x.upgrade = offeredProtocols(x.r)
	x.trailers = listed(x.r.Header["Te"], "trailers")
	x.client = x.setup.Clients.Resolve(x.r.RemoteAddr, x.r.Header)
	if !x.client.Trusted {
		dropConnectionHeaders(x.r.Header)
	}
	x.clientID = x.client.Key()
	switch {
	case x.client.Addr.Is4():
		x.address = x.clientID
	case x.client.Addr.IsValid(): // it counts under its network
		x.address = x.client.Addr.String()
	}
}
