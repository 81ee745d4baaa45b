package http

// lineScenarios: how the first line is written, and how lines end.
func lineScenarios() []scenario {
	list := []scenario{
		{name: "lines that end with a bare LF", send: "GET /a HTTP/1.1\nHost: gate.test\n\n", replies: []reply{ok}, seen: saw("GET /a")},
		{name: "an empty line before the request", send: "\r\n" + get("/a"), replies: []reply{badRequest}, end: closes},
		{name: "an empty line behind a body", send: post("/a", "hello") + "\r\n" + get("/b"), replies: []reply{ok, ok}, seen: append(sawBody("hello"), saw("GET /b")...)},
		{name: "a request that ends in its header", send: "GET /a HTTP/1.1\r\nHost: gate.test\r\nX-A: b\r\n", hangUp: true, replies: []reply{badRequest}, end: closes},
		{name: "a request that ends in its first line", send: "GET /a HTT", hangUp: true, replies: []reply{badRequest}, end: closes},
		{name: "nothing", send: "", hangUp: true, end: closes},
		{name: "TLS on a plain port", send: "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + repeat("\x01", 40) + "\r\n\r\n", replies: []reply{badRequest}, end: closes},
		{name: "no HTTP", send: "hello\r\n\r\n", replies: []reply{badRequest}, end: closes},
	}
	for name, line := range map[string]string{
		"two spaces before the target": "GET  /a HTTP/1.1", "two spaces behind the target": "GET /a  HTTP/1.1", "a tab before the target": "GET\t/a HTTP/1.1",
		"a space behind the version": "GET /a HTTP/1.1 ", "a space before the method": " GET /a HTTP/1.1", "no target": "GET HTTP/1.1", "an empty target": "GET  HTTP/1.1",
		"a space in the target": "GET /a b HTTP/1.1", "a tab in the target": "GET /a\tb HTTP/1.1", "a NUL in the target": "GET /a\x00b HTTP/1.1",
		"a bare CR in the target": "GET /a\rb HTTP/1.1", "a bare CR before the line end": "GET /a HTTP/1.1\r", "a DEL in the target": "GET /a\x7fb HTTP/1.1",
		"a vertical tab for a space": "GET\x0b/a\x0bHTTP/1.1", "a bare CR for a line end": "GET /a HTTP/1.1\rX-A: b",
	} {
		list = append(list, scenario{name: name, send: line + "\r\nHost: gate.test\r\n\r\n", replies: []reply{badRequest}, end: closes})
	}
	return list
}

// fieldScenarios: how a line of the header is written.
func fieldScenarios() []scenario {
	list := []scenario{
		{name: "a field that is folded", send: get("/a", "X-A: b\r\n\t c"), replies: []reply{ok}, seen: saw("GET /a", "x-a: b c")},
		{name: "a field that is folded over nothing", send: get("/a", "X-A: b\r\n "), replies: []reply{ok}, seen: saw("GET /a", "x-a: b")},
		{name: "a field without a value", send: get("/a", "X-A:"), replies: []reply{ok}, seen: saw("GET /a", "x-a: ")},
		{name: "a field without spaces", send: get("/a", "X-A:b"), replies: []reply{ok}, seen: saw("GET /a", "x-a: b")},
		{name: "a field in spaces", send: get("/a", "X-A: \t b \t"), replies: []reply{ok}, seen: saw("GET /a", "x-a: b")},
		{name: "a field with two colons", send: get("/a", "X-A:: b"), replies: []reply{ok}, seen: saw("GET /a", "x-a: : b")},
		{name: "a field with high bytes", send: get("/a", "X-A: \xe4\xff"), replies: []reply{ok}, seen: saw("GET /a", "x-a: \xe4\xff")},
		{name: "a field twice", send: get("/a", "Accept: b", "Accept: c"), replies: []reply{ok}, seen: saw("GET /a", "accept: b, c")},
		{name: "a field with odd characters in its name", send: get("/a", "X!#$%&'*+^`|~: b"), only: overFastCGI, replies: []reply{ok}, seen: saw("GET /a", "-x!#$%&'*+^`|~")},
	}
	for name, line := range map[string]string{
		"a tab before the colon": "X-A\t: b", "an empty name": ": b", "a line without a colon": "X-A",
		"a NUL in a name": "X\x00A: b", "a NUL in a value": "X-A: b\x00c", "a control character in a value": "X-A: b\x01c", "a DEL in a value": "X-A: b\x7fc",
		"a bare CR in a value": "X-A: b\rX-B: c", "a bare CR at the end of a value": "X-A: b\r", "a bracket in a name": "X(A): b", "a slash in a name": "X/A: b", "an at sign in a name": "X@A: b",
		"a high byte in a name": "X-\xe4: b", "quotes in a name": `"X-A": b`,
	} {
		list = append(list, scenario{name: name, send: get("/a", line), replies: []reply{badRequest}, end: closes})
	}
	for name, line := range map[string]string{"a space before the colon": "X-A : b", "a space in a name": "X A: b"} {
		list = append(list, scenario{name: name, send: get("/a", line), replies: []reply{badName}, end: closes})
	}
	list = append(list, scenario{name: "a space for a name", send: get("/a", " : b"), replies: []reply{badHost}, end: closes})
	return append(list, scenario{name: "a first field that is folded", send: "GET /a HTTP/1.1\r\n Host: gate.test\r\n\r\n", replies: []reply{badRequest}, end: closes})
}
