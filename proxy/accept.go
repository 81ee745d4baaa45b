package proxy

// accept finds out who the client is, and takes off what was meant for this
// connection only: from here on, all stages see the headers that the upstream
// will see.
func (x *exchange) accept() {
	oneReading(x.r)
	x.method, x.host, x.path = cutOff(x.r.Method), cutOff(x.r.Host), cutOff(x.r.URL.Path)
	x.read()
	x.requestID = requestID(x.r.Header, x.client.Trusted)
	if x.client.IgnoredHeader {
		x.gate.Metrics.ignoredForwarding(x.gate.Log, x.r.RemoteAddr)
	}
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
