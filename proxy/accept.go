package proxy

import "net/http"

// accept finds out who the client is.
func (g *Gate) accept(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{gate: g, w: w, r: r, record: newRecord(g, r)}
	x.stage = StageAccept
	x.client = g.Clients.Resolve(r.RemoteAddr, r.Header)
	x.clientID = x.client.Key()
	x.address = x.client.Addr
	if x.client.IgnoredHeader {
		g.Metrics.ignoredForwarding(g.Log, r.RemoteAddr)
	}
	return x
}
