package http

import "strings"

// poseScenarios: fields that pose as what only the gate, or a proxy that it
// trusts, can say. The client of the battery is trusted by nobody.
func poseScenarios() []scenario {
	var list []scenario
	for name, line := range map[string]string{
		"httpoxy": "Proxy: http://evil.test", "httpoxy in capitals": "PROXY: evil", "another URL": "X-Original-URL: /admin", "a rewritten URL": "X-Rewrite-URL: /admin",
		"a fence": "X-Sessiongate-Fence: 99", "an order": "X-Sessiongate: release", "a key": "x-sessiongate-key: evil", "a real address": "X-Real-IP: 6.6.6.6", "a CDN's address": "CF-Connecting-IP: 6.6.6.6", "a client's address": "Client-IP: 6.6.6.6",
		"a port": "X-Forwarded-Port: 443", "a prefix": "X-Forwarded-Prefix: /admin", "a server": "X-Forwarded-Server: evil", "TLS": "X-Forwarded-Ssl: on", "a scheme": "X-Forwarded-Scheme: https",
		"an address with underscores": "X_Forwarded_For: 6.6.6.6", "an address with dots": "X.Forwarded.For: 6.6.6.6", "settings": "Http2-Settings: evil", "a name with one underscore": "X-Forwarded_For: 6.6.6.6",
		"a cookie with an underscore": "Cookie_: evil", "a proxy's word": "Proxy-Authorization: Basic evil", "a connection of old": "Proxy-Connection: keep-alive", "a user": "Remote_User: evil",
	} {
		field, _, _ := strings.Cut(line, ":")
		list = append(list, scenario{name: "posing: " + name, send: get("/a", line), replies: []reply{ok}, seen: saw("GET /a", "-"+field, "-"+strings.ReplaceAll(strings.ReplaceAll(field, "_", "-"), ".", "-")+"x")})
	}
	return append(list,
		scenario{name: "posing: a client address", send: get("/a", "X-Forwarded-For: 6.6.6.6"), replies: []reply{ok}, seen: saw("GET /a", "x-forwarded-for: 127.0.0.1")},
		scenario{name: "posing: HTTPS", send: get("/a", "X-Forwarded-Proto: https"), replies: []reply{ok}, seen: saw("GET /a", "x-forwarded-proto: http")},
		scenario{name: "posing: a host", send: get("/a", "X-Forwarded-Host: evil.test"), replies: []reply{ok}, seen: saw("GET /a", "x-forwarded-host: gate.test")},
		scenario{name: "posing: Forwarded", send: get("/a", "Forwarded: for=6.6.6.6;proto=https;host=evil"), replies: []reply{ok}, seen: saw("GET /a", "forwarded: for=127.0.0.1;host=gate.test;proto=http")},
		scenario{name: "posing: a request's name", send: get("/a", "X-Request-Id: evil"), replies: []reply{{status: ok.status, header: []string{"-X-Request-Id: evil"}, body: okay}}, seen: saw("GET /a", "-x-request-id: evil")},
		scenario{name: "posing: HTTPS to PHP", only: overFastCGI, send: get("/a", "X-Forwarded-Proto: https", "HTTPS: on"), replies: []reply{ok}, seen: saw("GET /a", "-$https", "$request-scheme: http", "$remote-addr: 127.0.0.1")},
		scenario{name: "posing: a body's length to PHP", only: overFastCGI, send: post("/a", "hello", "Content_Length: 0"), replies: []reply{ok}, seen: []request{{line: "POST /a", host: "gate.test", body: "hello", header: []string{"content-length: 5"}}}},
		scenario{name: "User-Agent is passed on as it is", send: get("/a", "User-Agent: me"), replies: []reply{ok}, seen: saw("GET /a", "user-agent: me")},
		scenario{name: "User-Agent is not made up", send: get("/a"), replies: []reply{ok}, seen: saw("GET /a", "-user-agent", "-accept-encoding")},
	)
}

// hopScenarios: what is meant for the connection only.
func hopScenarios() []scenario {
	notUpgraded := refused("501 Not Implemented", "upgrade_unsupported")
	continued := reply{status: "HTTP/1.1 100 Continue"}
	return []scenario{
		{name: "Connection names a field", send: get("/a", "Connection: X-Secret", "X-Secret: b"), replies: []reply{ok}, seen: saw("GET /a", "-x-secret")},
		{name: "Connection names a field among others", send: get("/a", "Connection: keep-alive, x-secret", "X-Secret: b", "X-Other: c"), replies: []reply{ok}, seen: saw("GET /a", "-x-secret", "x-other: c")},
		{name: "Connection names a field in its second line", send: get("/a", "Connection: keep-alive", "Connection: X-Secret", "X-Secret: b"), replies: []reply{ok}, seen: saw("GET /a", "-x-secret")},
		{name: "Connection names Cookie", send: get("/a", "Connection: Cookie", "Cookie: PHPSESSID=one"), replies: []reply{ok}, session: noSession, seen: saw("GET /a", "-cookie")},
		{name: "Connection names Host", send: get("/a", "Connection: Host"), replies: []reply{ok}, seen: saw("GET /a")},
		{name: "Connection names Content-Length", send: post("/a", "hello", "Connection: Content-Length"), replies: []reply{ok}, seen: sawBody("hello")},
		{name: "Connection names Transfer-Encoding", send: framed("5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Connection: Transfer-Encoding"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "Connection names what the gate writes", send: get("/a", "Connection: X-Forwarded-For, X-Request-Id"), replies: []reply{ok}, seen: saw("GET /a", "x-forwarded-for: 127.0.0.1")},
		{name: "Connection: close", send: get("/a", "Connection: close"), replies: []reply{ok}, end: closes, seen: saw("GET /a")},
		{name: "Keep-Alive", send: get("/a", "Connection: keep-alive", "Keep-Alive: timeout=5"), replies: []reply{ok}, seen: saw("GET /a", "-keep-alive")},
		{name: "TE, over HTTP", only: overHTTP, send: get("/a", "Connection: TE", "TE: trailers, gzip"), replies: []reply{ok}, seen: saw("GET /a", "te: trailers", "connection: TE")},
		{name: "TE, over FastCGI", only: overFastCGI, send: get("/a", "Connection: TE", "TE: trailers, gzip"), replies: []reply{ok}, seen: saw("GET /a", "-te")},
		{name: "TE without trailers", send: get("/a", "Connection: TE", "TE: gzip"), replies: []reply{ok}, seen: saw("GET /a", "-te")},
		{name: "an upgrade to h2c", send: get("/a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), replies: []reply{ok}, seen: saw("GET /a", "-upgrade", "-http2-settings")},
		{name: "an upgrade that Connection does not name", send: get("/a", "Upgrade: websocket"), replies: []reply{ok}, seen: saw("GET /a", "-upgrade")},
		{name: "an upgrade to a WebSocket, over FastCGI", only: overFastCGI, send: get("/a", "Connection: Upgrade", "Upgrade: websocket"), replies: []reply{notUpgraded}},
		{name: "Expect, and a body that comes", send: post("/a", "hello", "Expect: 100-continue"), replies: []reply{continued, ok}, seen: sawBody("hello")},
		{name: "Expect in capitals", send: post("/a", "hello", "EXPECT: 100-CONTINUE"), replies: []reply{continued, ok}, seen: sawBody("hello")},
		{name: "Expect without a body", send: get("/a", "Expect: 100-continue"), replies: []reply{ok}, seen: saw("GET /a", "-expect")},
		{name: "Expect something else", send: post("/a", "hello", "Expect: evil"), replies: []reply{{status: "HTTP/1.1 417 Expectation Failed"}}, end: closes},
		{name: "Expect what is refused", send: message("POST /admin", "", []string{"Content-Length: 5", "Expect: 100-continue"}), replies: []reply{closedOff}, end: closes},
		{name: "Expect with too large a body", send: message("POST /a", "", []string{"Content-Length: 2000000", "Expect: 100-continue"}), replies: []reply{refused("413 Request Entity Too Large", "body_too_large")}, end: closes},
	}
}
