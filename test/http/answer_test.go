package http

// answerScenarios: what an HTTP upstream answers. What cannot be understood must
// not become an answer that can.
func answerScenarios() []scenario {
	bad := refused("502 Bad Gateway", "upstream_error")
	cut := reply{status: "HTTP/1.1 200 OK", body: "hello", cut: true}
	says := func(name, answer string, replies ...reply) scenario {
		return scenario{name: "answer: " + name, only: overHTTP, send: get("/a"), says: answer, replies: replies, seen: saw("GET /a")}
	}
	head := func(lines ...string) string {
		all := "HTTP/1.1 200 OK\r\n"
		for _, l := range lines {
			all += l + "\r\n"
		}
		return all + "\r\n"
	}
	whole := reply{status: "HTTP/1.1 200 OK", body: okay}
	list := []scenario{
		says("with a length", head("Content-Length: 5")+okay, whole),
		says("in chunks", head("Transfer-Encoding: chunked")+"5\r\nhello\r\n0\r\n\r\n", whole),
		says("until the connection ends", head()+okay, whole),
		says("length twice, alike", head("Content-Length: 5", "Content-Length: 5")+okay, reply{status: whole.status, header: []string{"Content-Length: 5"}, body: okay}),
		says("longer than its length", head("Content-Length: 5")+okay+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", whole),
		says("a status without a phrase", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", whole),
		says("a status of its own", "HTTP/1.1 299 Odd Thing\r\nContent-Length: 5\r\n\r\nhello", reply{status: "HTTP/1.1 299 status code 299", body: okay}),
		says("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", whole),
		says("lines that end with a bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", whole),
		says("a folded field", head("X-A: b\r\n c", "Content-Length: 5")+okay, reply{status: whole.status, header: []string{"X-A: b c"}, body: okay}),
		says("100 and then an answer", "HTTP/1.1 100 Continue\r\n\r\n"+head("Content-Length: 5")+okay, whole),
		says("103 and then an answer", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Sessiongate: release\r\n\r\n"+head("Content-Length: 5")+okay,
			reply{status: "HTTP/1.1 103 Early Hints", header: []string{"Link: </a>", "-X-Sessiongate", "-Content-Length"}}, whole),
		{
			name: "answer: 103 to a request in chunks", only: overHTTP, send: framed("5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
			says:    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + head("Content-Length: 5") + okay,
			replies: []reply{{status: "HTTP/1.1 103 Early Hints", header: []string{"Link: </a>", "-Connection"}}, {status: whole.status, header: []string{"Connection: close"}, body: okay}}, end: closes, seen: sawBody("hello"),
		},
		says("Set-Cookie and Location are untouched", "HTTP/1.1 302 Found\r\nSet-Cookie: a=b; path=/\r\nSet-Cookie: c=d\r\nLocation: http://127.0.0.1:1/x?y\r\nContent-Length: 0\r\n\r\n",
			reply{status: "HTTP/1.1 302 Found", header: []string{"Set-Cookie: a=b; path=/", "Set-Cookie: c=d", "Location: http://127.0.0.1:1/x?y"}}),
		says("fields for the connection", head("Connection: X-Secret", "X-Secret: b", "Keep-Alive: timeout=5", "Proxy-Connection: close", "Upgrade: h2c", "Content-Length: 5")+okay,
			reply{status: whole.status, header: []string{"-X-Secret", "-Keep-Alive", "-Upgrade", "-Proxy-Connection"}, body: okay}),
		says("fields of the gate's own", head("X-Sessiongate: release", "X-Sessiongate-Key: evil", "Content-Length: 5")+okay, reply{status: whole.status, header: []string{"-X-Sessiongate", "-X-Sessiongate-Key"}, body: okay}),
		says("304 with a body", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\nevil", reply{status: "HTTP/1.1 304 Not Modified", header: []string{`Etag: "x"`}}),
		says("204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil", reply{status: "HTTP/1.1 204 No Content"}),
		{name: "answer: HEAD with a body", only: overHTTP, send: message("HEAD /a", "", nil), says: head("Content-Length: 5") + okay, replies: []reply{{status: whole.status, header: []string{"Content-Length: 5"}}}, seen: saw("HEAD /a")},
	}
	for name, answer := range map[string]string{
		"length twice, different": head("Content-Length: 5", "Content-Length: 4") + okay, "length as a list": head("Content-Length: 5, 5") + okay, "length with a sign": head("Content-Length: +5") + okay,
		"length below zero": head("Content-Length: -1") + okay, "length empty": head("Content-Length:") + okay, "length too large": head("Content-Length: 9223372036854775808") + okay,
		"coding twice": head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n", "coding gzip, chunked": head("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n",
		"coding identity": head("Transfer-Encoding: identity") + okay, "coding unknown": head("Transfer-Encoding: xchunked") + okay, "a NUL in a value": head("X-A: b\x00c") + okay,
		"a bare CR in a value": head("X-A: b\rSet-Cookie: evil") + okay, "a space before a colon": head("Content-Length : 5") + okay, "an empty name": head(": b") + okay, "a space in a name": head("X A: b") + okay,
		"a line without a colon": head("Set-Cookie evil") + okay, "a first line that is folded": "HTTP/1.1 200 OK\r\n X-A: b\r\n\r\nhello", "nothing": nothing, "no HTTP": "hello\r\n\r\n", "half a status": "HTTP/1.1 2",
		"a header without an end": "HTTP/1.1 200 OK\r\nX-A: b\r\n", "a status of two digits": "HTTP/1.1 20 OK\r\n\r\n", "a status of four digits": "HTTP/1.1 2000 OK\r\n\r\n", "a status below 100": "HTTP/1.1 099 OK\r\n\r\n",
		"a status in words": "HTTP/1.1 OK\r\n\r\n", "another protocol": "ICY 200 OK\r\n\r\nhello", "101 that was not asked for": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\nevil",
		"100 and nothing": "HTTP/1.1 100 Continue\r\n\r\n", "a header of 2 MB": head("X-A: "+repeat("v", 2<<20)) + okay,
	} {
		list = append(list, says(name, answer, bad))
	}
	for name, answer := range map[string]string{
		"shorter than its length": head("Content-Length: 10") + okay, "chunks without an end": head("Transfer-Encoding: chunked") + "5\r\nhello\r\n", "a chunk that breaks off": head("Transfer-Encoding: chunked") + "a\r\nhello",
		"a chunk size that is none": head("Transfer-Encoding: chunked") + "5\r\nhello\r\ng\r\n", "a chunk longer than its size": head("Transfer-Encoding: chunked") + "5\r\nhelloevil\r\n0\r\n\r\n",
	} {
		sc := says(name, answer, cut)
		sc.end = closes
		list = append(list, sc)
	}
	return list
}

// pageScenarios: what a page says over FastCGI.
func pageScenarios() []scenario {
	bad := refused("502 Bad Gateway", "upstream_error")
	whole := reply{status: "HTTP/1.1 200 OK", body: okay}
	says := func(name, answer string, r reply) scenario {
		return scenario{name: "page: " + name, only: overFastCGI, send: get("/a"), says: answer, replies: []reply{r}, end: end(r.cut), seen: saw("GET /a")}
	}
	list := []scenario{
		says("without a length", "X-A: b\r\n\r\nhello", reply{status: whole.status, header: []string{"X-A: b"}, body: okay}),
		says("with a status", "Status: 404 Not Found\r\n\r\nhello", reply{status: "HTTP/1.1 404 Not Found", body: okay}),
		says("with Location only", "Location: /x\r\n\r\n", reply{status: "HTTP/1.1 302 Found", header: []string{"Location: /x"}}),
		says("lines that end with a bare LF", "X-A: b\n\nhello", reply{status: whole.status, header: []string{"X-A: b"}, body: okay}),
		says("a coding of its own", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", whole),
		says("fields of the gate's own", "X-Sessiongate: release\r\nX-Sessiongate-Key: evil\r\n\r\nhello", reply{status: whole.status, header: []string{"-X-Sessiongate", "-X-Sessiongate-Key"}, body: okay}),
		says("fields for the connection", "Connection: X-Secret\r\nX-Secret: b\r\nKeep-Alive: x\r\n\r\nhello", reply{status: whole.status, header: []string{"-X-Secret", "-Keep-Alive"}, body: okay}),
		says("204 with a body", "Status: 204 No Content\r\n\r\nevil", reply{status: "HTTP/1.1 204 No Content"}),
		says("304 with a body", "Status: 304 Not Modified\r\n\r\nevil", reply{status: "HTTP/1.1 304 Not Modified"}),
		says("longer than its length", "Content-Length: 5\r\n\r\nhelloevil", whole),
		says("shorter than its length", "Content-Length: 10\r\n\r\nhello", reply{status: whole.status, body: okay, cut: true}),
		says("that dies in its body", "X-A: b\r\n\r\nhello"+unended, reply{status: whole.status, body: okay, cut: true}),
		{name: "page: HEAD with a body", only: overFastCGI, send: message("HEAD /a", "", nil), says: "Content-Length: 5\r\n\r\nhello", replies: []reply{{status: whole.status, header: []string{"Content-Length: 5"}}}, seen: saw("HEAD /a")},
	}
	for name, answer := range map[string]string{
		"a line without a colon": "Set-Cookie evil\r\n\r\nhello", "a space before a colon": "X-A : b\r\n\r\nhello", "an empty name": ": b\r\n\r\nhello", "a folded field": "X-A: b\r\n c\r\n\r\nhello",
		"a bare CR in a value": "X-A: b\rSet-Cookie: evil\r\n\r\nhello", "a NUL in a value": "X-A: b\x00c\r\n\r\nhello", "a control character in a value": "X-A: b\x01\r\n\r\nhello", "length twice": "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
		"length as a list": "Content-Length: 5, 5\r\n\r\nhello", "length with a sign": "Content-Length: +5\r\n\r\nhello", "status 101": "Status: 101 Switching Protocols\r\n\r\n", "status 100": "Status: 100 Continue\r\n\r\nhello",
		"status in words": "Status: OK\r\n\r\nhello", "status of four digits": "Status: 2000 OK\r\n\r\nhello", "status twice": "Status: 200 OK\r\nStatus: 404 Not Found\r\n\r\nhello", "nothing": unended, "a header without an end": "X-A: b\r\n",
		"a header that dies": "X-A: b\r\n" + unended, "a status line": "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello",
	} {
		list = append(list, says(name, answer, bad))
	}
	return list
}
