package http

import (
	"slices"
	"strconv"
)

// methodScenarios: what is asked for.
func methodScenarios() []scenario {
	var list []scenario
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH", "X", repeat("M", 200)} {
		list = append(list, scenario{name: "method " + clip(method)[:min(len(method), 20)], send: message(method+" /a", "", nil), replies: []reply{ok}, seen: saw(method + " /a")})
	}
	list = append(list,
		scenario{name: "method HEAD", send: message("HEAD /a", "", nil), replies: []reply{{status: ok.status, header: ok.header}}, seen: saw("HEAD /a")},
		scenario{name: "method HEAD and what is refused", send: message("HEAD /admin", "", nil), replies: []reply{{status: closedOff.status, header: closedOff.header}}},
		scenario{name: "method DELETE with a body", send: message("DELETE /a", "hello", []string{"Content-Length: 5"}), replies: []reply{ok}, seen: []request{{line: "DELETE /a", host: "gate.test", body: "hello"}}},
		scenario{name: "method get", send: message("get /a", "", nil), replies: []reply{badTarget}},
		scenario{name: "method Post", send: message("Post /a", "hello", []string{"Content-Length: 5"}), replies: []reply{badTarget}, end: closes},
		scenario{name: "method CONNECT", send: message("CONNECT gate.test:80", "", nil), replies: []reply{refused("501 Not Implemented", "bad_request")}},
		scenario{name: "method CONNECT with a path", send: message("CONNECT /a", "", nil), replies: []reply{refused("501 Not Implemented", "bad_request")}},
	)
	for name, method := range map[string]string{"with an at sign": "G@T", "with a bracket": "GET(", "with a NUL": "GE\x00T", "empty": "", "with a colon": "GET:", "with a high byte": "G\xe4T", "with a comma": "GET,"} {
		list = append(list, scenario{name: "method " + name, send: message(method+" /a", "", nil), replies: []reply{badRequest}, end: closes})
	}
	return list
}

// versionScenarios: which HTTP is spoken.
func versionScenarios() []scenario {
	versioned := func(version string, lines ...string) string {
		head := "GET /a " + version + "\r\n"
		for _, l := range lines {
			head += l + "\r\n"
		}
		return head + "\r\n"
	}
	old := reply{status: "HTTP/1.0 200 OK", header: ok.header, body: okay}
	list := []scenario{
		{name: "HTTP/1.0", send: versioned("HTTP/1.0", "Host: gate.test"), replies: []reply{old}, end: closes, seen: saw("GET /a")},
		{name: "HTTP/1.0 without Host, over HTTP", only: overHTTP, send: versioned("HTTP/1.0"), replies: []reply{old}, end: closes, seen: []request{{line: "GET /a", host: theUpstreams}}},
		{name: "HTTP/1.0 without Host, over FastCGI", only: overFastCGI, send: versioned("HTTP/1.0"), replies: []reply{old}, end: closes, seen: []request{{line: "GET /a"}}},
		{name: "HTTP/1.0 that stays", send: versioned("HTTP/1.0", "Host: gate.test", "Connection: keep-alive"), replies: []reply{old}, end: closes, seen: saw("GET /a")},
		{
			name: "HTTP/1.0 that stays, with chunks", send: "POST /a HTTP/1.0\r\nHost: gate.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("/evil"),
			replies: []reply{old}, end: closes, seen: sawBody(""),
		},
		{
			name: "HTTP/1.0 that stays, with chunks and a length", send: "POST /a HTTP/1.0\r\nHost: gate.test\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("/evil"),
			replies: []reply{old}, end: closes, seen: sawBody("0\r\n\r\n"),
		},
		{name: "HTTP/1.0 with a body", send: "POST /a HTTP/1.0\r\nHost: gate.test\r\nContent-Length: 5\r\n\r\nhello", replies: []reply{old}, end: closes, seen: sawBody("hello")},
		{name: "HTTP/0.9", send: "GET /a\r\n", replies: []reply{badRequest}, end: closes},
		{name: "HTTP/2 without TLS", send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", replies: []reply{badTarget}, end: closes},
		{name: "HTTP/2.0 in words", send: versioned("HTTP/2.0", "Host: gate.test"), replies: []reply{badVersion}, end: closes},
		{name: "HTTP/3.0 in words", send: versioned("HTTP/3.0", "Host: gate.test"), replies: []reply{badVersion}, end: closes},
		{name: "HTTP/1.2", send: versioned("HTTP/1.2", "Host: gate.test"), replies: []reply{ok}, seen: saw("GET /a")},
	}
	for _, version := range []string{"http/1.1", "HTTP/1.10", "HTTP/01.1", "HTTP/1,1", "HTTP/11", "HTTP/1", "HTTPS/1.1", "HTTP/1.1x", "HTTP/+1.1", "ICY"} {
		list = append(list, scenario{name: "version " + version, send: versioned(version, "Host: gate.test"), replies: []reply{badRequest}, end: closes})
	}
	return list
}

// sequenceScenarios: several requests on a connection.
func sequenceScenarios() []scenario {
	return []scenario{
		{name: "two requests in one packet", send: get("/a") + get("/b"), replies: []reply{ok, ok}, seen: append(saw("GET /a"), saw("GET /b")...)},
		{name: "three requests, one of them refused", send: get("/a") + get("/admin") + get("/b"), replies: []reply{ok, closedOff, ok}, seen: append(saw("GET /a"), saw("GET /b")...)},
		{name: "requests of two sessions", send: get("/a", "Cookie: PHPSESSID=one") + get("/b", "Cookie: PHPSESSID=two"), replies: []reply{ok, ok}, session: "two", seen: append(saw("GET /a", "cookie: PHPSESSID=one"), saw("GET /b", "cookie: PHPSESSID=two")...)},
		{name: "a request behind one that closes", send: get("/a", "Connection: close") + get("/b"), replies: []reply{ok}, end: closes, seen: saw("GET /a")},
		{name: "no HTTP behind a request", send: get("/a") + "evil\r\n\r\n", replies: []reply{ok, badRequest}, end: closes, seen: saw("GET /a")},
		{name: "a request behind what is no HTTP", send: "evil\r\n\r\n" + get("/a"), replies: []reply{badRequest}, end: closes},
		{name: "a request behind a refused body", send: message("POST /admin", "hello"+get("/evil"), []string{"Content-Length: 5"}), replies: []reply{closedOff}, end: closes},
		{name: "a request behind a body that is too large", send: message("POST /a", get("/evil"), []string{"Content-Length: 1048577"}), replies: []reply{refused("413 Request Entity Too Large", "body_too_large")}, end: closes},
		{name: "a request behind broken chunks", send: framed("g\r\n\r\n"+get("/evil"), "Transfer-Encoding: chunked"), replies: []reply{refused("400 Bad Request", "upload_broken")}, end: closes},
		{name: "a request behind HEAD", send: message("HEAD /a", "", nil) + get("/b"), replies: []reply{{status: ok.status}, ok}, seen: append(saw("HEAD /a"), saw("GET /b")...)},
		{name: "a request behind an upgrade that was not made", send: get("/a", "Connection: Upgrade", "Upgrade: h2c") + get("/b"), replies: []reply{ok, ok}, seen: append(saw("GET /a"), saw("GET /b")...)},
	}
}

// limitScenarios: how much of something there may be.
func limitScenarios() []scenario {
	long := repeat("v", 70<<10)
	tooLarge := rejected("431 Request Header Fields Too Large")
	bodyTooLarge := refused("413 Request Entity Too Large", "body_too_large")
	many := make([]string, 1500)
	for i := range many {
		many[i] = "X-A" + strconv.Itoa(i) + ": b"
	}
	cookies := repeat("a=b; ", 999)
	return []scenario{
		{name: "a large field", send: get("/a", "X-A: "+repeat("v", 15<<10)), replies: []reply{ok}, seen: saw("GET /a", "x-a: "+repeat("v", 15<<10))},
		{name: "a very large field", send: get("/a", "X-A: "+repeat("v", 60<<10)), replies: []reply{ok}, seen: saw("GET /a", "x-a: "+repeat("v", 60<<10))},
		{name: "too large a field", send: get("/a", "X-A: "+long), replies: []reply{tooLarge}, end: closes},
		{name: "too large a name", send: get("/a", repeat("X", 70<<10)+": b"), replies: []reply{tooLarge}, end: closes},
		{name: "a flood of fields", send: get("/a", many...), replies: []reply{ok}, seen: saw("GET /a", "x-a1499: b")},
		{name: "too large a flood of fields", send: get("/a", slices.Repeat(many, 5)...), replies: []reply{tooLarge}, end: closes},
		{name: "a flood of one field", send: get("/a", repeat("A: b\r\n", 12000)+"B: c"), replies: []reply{tooLarge}, end: closes},
		{name: "a header without an end", send: "GET /a HTTP/1.1\r\nHost: gate.test\r\nX-A: " + repeat("v", 1<<20), replies: []reply{tooLarge}, end: closes},
		{name: "a long target", send: get("/" + repeat("p", 15<<10)), replies: []reply{ok}, seen: saw("GET /" + repeat("p", 15<<10))},
		{name: "too long a target", send: get("/" + long), replies: []reply{tooLarge}, end: closes},
		{name: "a flood of cookies", send: get("/a", "Cookie: "+cookies+"PHPSESSID=one"), replies: []reply{ok}, session: "one", seen: saw("GET /a", "cookie: "+cookies+"PHPSESSID=one")},
		{name: "a session behind more cookies than PHP reads", send: get("/a", "Cookie: "+cookies+"a=b; PHPSESSID=one"), replies: []reply{ok}, session: "one", seen: saw("GET /a", "cookie: "+cookies+"a=b; PHPSESSID=one")},
		{name: "too large a flood of cookies", send: get("/a", repeat("Cookie: a=b\r\n", 6000)+"X: y"), replies: []reply{tooLarge}, end: closes},
		{name: "the largest body", send: post("/a", repeat("b", 1<<20)), replies: []reply{ok}, seen: sawBody(repeat("b", 1<<20))},
		{name: "too large a body", send: message("POST /a", "", []string{"Content-Length: 1048577"}), replies: []reply{bodyTooLarge}, end: closes},
		{name: "too large a body in chunks", send: framed("100001\r\n"+repeat("b", 1<<20+1)+"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), replies: []reply{bodyTooLarge}, end: closes},
	}
}
