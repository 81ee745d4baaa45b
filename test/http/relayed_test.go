package http

// relayedScenarios: requests that come through a proxy which the server trusts.
// HAProxy passes its client's Connection on and adds fields of its own, so that
// the client would name what the proxy says; nothing that Connection names is
// taken away from what comes through such a proxy.
func relayedScenarios() []scenario {
	const others = "Forwarded: for=203.0.113.7;proto=http;host=evil.test" // made up by the client
	proxys := []string{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test"}
	known := "forwarded: for=198.51.100.1;host=shop.test;proto=https"
	through := func(lines ...string) string {
		return get("/a", append(append([]string{others}, lines...), proxys...)...)
	}
	overOne := saw("GET /a", "x-forwarded-for: 198.51.100.1, 127.0.0.1", "x-forwarded-proto: https", "x-forwarded-host: shop.test")
	toPHP := saw("GET /a", "$remote-addr: 198.51.100.1", "$https: on", "x-forwarded-for: 198.51.100.1", "x-forwarded-proto: https", "x-forwarded-host: shop.test", known)
	var list []scenario
	for name, lines := range map[string][]string{
		"names nothing":                  {"Connection: keep-alive"},
		"names the client's address":     {"Connection: keep-alive, X-Forwarded-For"},
		"names all of the proxy":         {"Connection: keep-alive, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"},
		"names it in lines and capitals": {"Connection: keep-alive", "connection: X-FORWARDED-FOR,x-forwarded-proto", "Connection: \tx-forwarded-host"},
	} {
		list = append(list,
			scenario{name: "relayed: Connection " + name + ", over HTTP", only: overHTTP, relayed: true, send: through(lines...), replies: []reply{ok}, seen: overOne},
			scenario{name: "relayed: Connection " + name + ", over FastCGI", only: overFastCGI, relayed: true, send: through(lines...), replies: []reply{ok}, seen: toPHP})
	}
	return append(list,
		scenario{name: "relayed: Forwarded by itself", relayed: true, send: get("/a", "Forwarded: for=198.51.100.1;proto=https;host=shop.test", "Connection: Forwarded"), replies: []reply{ok}, seen: saw("GET /a", known)},
		scenario{
			name: "relayed: Connection names the request's id", relayed: true, send: get("/a", "Connection: X-Request-Id", "X-Request-Id: proxys-own"),
			replies: []reply{{status: ok.status, header: []string{"X-Request-Id: proxys-own"}, body: okay}}, seen: saw("GET /a", "x-request-id: proxys-own"),
		},
		scenario{
			name: "relayed: Connection names how files are sent", relayed: true, send: get("/a", "Connection: X-Sendfile-Type, X-Accel-Mapping, X-Real-IP", "X-Sendfile-Type: X-Sendfile", "X-Accel-Mapping: /a=/b", "X-Real-IP: 198.51.100.1"),
			replies: []reply{ok}, seen: saw("GET /a", "x-sendfile-type: X-Sendfile", "x-accel-mapping: /a=/b", "x-real-ip: 198.51.100.1"),
		},
		scenario{
			name: "relayed: Connection names what the proxy has found out", relayed: true, send: get("/a", "Connection: X-Country, Authorization, Sec-Fetch-Site", "X-Country: XX", "Authorization: Basic eA==", "Sec-Fetch-Site: cross-site"),
			replies: []reply{ok}, seen: saw("GET /a", "x-country: XX", "authorization: Basic eA==", "sec-fetch-site: cross-site"),
		},
		scenario{
			name: "relayed: Connection names Cookie", relayed: true, send: get("/a", "Connection: Cookie", "Cookie: PHPSESSID=one"),
			replies: []reply{ok}, session: "one", seen: saw("GET /a", "cookie: PHPSESSID=one"),
		},
		scenario{
			name: "relayed: Connection names how the body is to be read", relayed: true, send: post("/a", "hello", "Connection: Content-Length, Content-Type", "Content-Type: text/x"),
			replies: []reply{ok}, seen: []request{{line: "POST /a", host: "gate.test", header: []string{"content-length: 5", "content-type: text/x"}, body: "hello"}},
		},
		scenario{
			name: "relayed: what is hop by hop by itself", relayed: true, send: get("/a", "Connection: keep-alive, Keep-Alive, Proxy-Connection", "Keep-Alive: 5", "Proxy-Connection: x", "Upgrade: evil", "Proxy-Authorization: evil"),
			replies: []reply{ok}, seen: saw("GET /a", "-keep-alive", "-proxy-connection", "-upgrade", "-proxy-authorization"),
		},
		scenario{
			name: "relayed: the gate's own fields", relayed: true, send: get("/a", "Connection: X-Sessiongate", "X-Sessiongate: release", "X-Sessiongate-Fence: 99", "X-Original-URL: /admin", "X_Forwarded_For: 6.6.6.6"),
			replies: []reply{ok}, seen: saw("GET /a", "-x-sessiongate", "-x-sessiongate-fence: 99", "-x-original-url", "-x_forwarded_for"),
		},
	)
}
