package http

// lengthScenarios: how long a body is, by Content-Length.
func lengthScenarios() []scenario {
	return []scenario{
		{name: "length", send: framed("hello", "Content-Length: 5"), replies: []reply{ok}, seen: sawBody("hello")},
		{name: "length 0", send: framed("", "Content-Length: 0"), replies: []reply{ok}, seen: sawBody("")},
		{name: "POST without a length", send: framed(""), replies: []reply{ok}, seen: sawBody("")},
		{name: "length with leading zeros", send: framed("hello", "Content-Length: 005"), replies: []reply{ok}, seen: sawBody("hello")},
		{name: "length in spaces", send: framed("hello", "Content-Length: \t 5 \t"), replies: []reply{ok}, seen: sawBody("hello")},
		{
			name: "length twice, alike", send: framed("hello", "Content-Length: 5", "Content-Length: 5"), replies: []reply{ok}, seen: sawBody("hello"),
		},
		{name: "length twice, different", send: framed("hello", "Content-Length: 5", "Content-Length: 4"), replies: []reply{badRequest}, end: closes},
		{name: "length twice, 0 first", send: framed("hello", "Content-Length: 0", "Content-Length: 5"), replies: []reply{badRequest}, end: closes},
		{name: "length as a list", send: framed("hello", "Content-Length: 5, 5"), replies: []reply{badRequest}, end: closes},
		{name: "length with a sign", send: framed("hello", "Content-Length: +5"), replies: []reply{badRequest}, end: closes},
		{name: "length below zero", send: framed("hello", "Content-Length: -5"), replies: []reply{badRequest}, end: closes},
		{name: "length -0", send: framed("", "Content-Length: -0"), replies: []reply{badRequest}, end: closes},
		{name: "length in hexadecimal", send: framed("hello", "Content-Length: 0x5"), replies: []reply{badRequest}, end: closes},
		{name: "length with a fraction", send: framed("hello", "Content-Length: 5.0"), replies: []reply{badRequest}, end: closes},
		{name: "length with an exponent", send: framed("hello", "Content-Length: 5e0"), replies: []reply{badRequest}, end: closes},
		{name: "length with an underscore between its digits", send: framed("hello", "Content-Length: 0_5"), replies: []reply{badRequest}, end: closes},
		{name: "length in two words", send: framed("hello", "Content-Length: 5 5"), replies: []reply{badRequest}, end: closes},
		{name: "length with a parameter", send: framed("hello", "Content-Length: 5;a=b"), replies: []reply{badRequest}, end: closes},
		{name: "length in quotes", send: framed("hello", `Content-Length: "5"`), replies: []reply{badRequest}, end: closes},
		{name: "length empty", send: framed("hello", "Content-Length:"), replies: []reply{badRequest}, end: closes},
		{name: "length in other digits", send: framed("hello", "Content-Length: \u0665"), replies: []reply{badRequest}, end: closes},
		{name: "length of 64 bits and one", send: framed("hello", "Content-Length: 18446744073709551621"), replies: []reply{badRequest}, end: closes},
		{name: "length of 63 bits and one", send: framed("hello", "Content-Length: 9223372036854775808"), replies: []reply{badRequest}, end: closes},
		{
			name: "length of 63 bits", send: framed("hello", "Content-Length: 9223372036854775807"),
			replies: []reply{refused("413 Request Entity Too Large", "body_too_large")}, end: closes,
		},
		{
			name: "length folded", send: framed("hello", "Content-Length:\r\n 5"), replies: []reply{ok}, seen: sawBody("hello"),
		},
		{
			name: "length with an underscore", send: framed("hello\r\n\r\n", "Content_Length: 5"), replies: []reply{ok, badRequest}, end: closes, seen: sawBody(""),
		},
		{
			name: "a request in the body", send: framed(get("/evil"), "Content-Length: "+count(get("/evil"))), replies: []reply{ok},
			seen: sawBody(get("/evil")),
		},
		{
			name: "a request behind the body", send: framed("hello"+get("/b"), "Content-Length: 5"), replies: []reply{ok, ok},
			seen: append(sawBody("hello"), saw("GET /b")...),
		},
		{name: "GET with a body", send: message("GET /a", "hello", []string{"Content-Length: 5"}), replies: []reply{ok}, seen: []request{{line: "GET /a", host: "gate.test", body: "hello"}}},
		{name: "a body that breaks off", send: framed("hel", "Content-Length: 5"), hangUp: true, end: closes},
	}
}

// codingScenarios: what Transfer-Encoding says.
func codingScenarios() []scenario {
	const five, none = "5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n"
	notImplemented := reply{
		status: "HTTP/1.1 501 Not Implemented", header: []string{"Connection: close", "-X-Request-Id"}, body: "Unsupported transfer encoding",
	}
	refusedCoding := func(name, value string) scenario {
		return scenario{name: name, send: framed(five, "Transfer-Encoding: "+value), replies: []reply{notImplemented}, end: closes}
	}
	list := []scenario{
		{name: "chunked", send: framed(five, "Transfer-Encoding: chunked"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "chunked, in capitals", send: framed(five, "TRANSFER-ENCODING: CHUNKED"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "chunked behind a tab", send: framed(five, "Transfer-Encoding:\tchunked"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "chunked before a space", send: framed(five, "Transfer-Encoding: chunked "), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "chunked without a space", send: framed(five, "Transfer-Encoding:chunked"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "chunked, folded", send: framed(five, "Transfer-Encoding:\r\n chunked"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "chunked and empty", send: framed(none, "Transfer-Encoding: chunked"), replies: []reply{ok}, end: closes, seen: sawBody("")},
		{name: "coding with a length before it", send: framed(five, "Content-Length: 5", "Transfer-Encoding: chunked"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "coding with a length behind it", send: framed(five, "Transfer-Encoding: chunked", "Content-Length: 15"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{
			name: "coding with a length, and a request behind it", send: framed(none+get("/evil"), "Content-Length: 6", "Transfer-Encoding: chunked"),
			replies: []reply{ok}, end: closes, seen: sawBody(""),
		},
		{name: "coding twice", send: framed(five, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), replies: []reply{notImplemented}, end: closes},
		{name: "coding twice, identity behind", send: framed(five, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"), replies: []reply{notImplemented}, end: closes},
		{name: "coding twice, identity first", send: framed(five, "Transfer-Encoding: identity", "Transfer-Encoding: chunked"), replies: []reply{notImplemented}, end: closes},
		{name: "coding with a space before its colon", send: framed(five, "Transfer-Encoding : chunked"), replies: []reply{badName}, end: closes},
		{name: "coding behind a space", send: framed(five, " Transfer-Encoding: chunked"), replies: []reply{badHost}, end: closes},
		{name: "coding behind a control character", send: framed(five, "\x0bTransfer-Encoding: chunked"), replies: []reply{badRequest}, end: closes},
		{name: "coding with an underscore", send: framed(five, "Transfer_Encoding: chunked"), replies: []reply{ok, badRequest}, end: closes, seen: sawBody("")},
		{name: "coding with an underscore, and a length", send: framed("hello", "Transfer_Encoding: chunked", "Content-Length: 5"), replies: []reply{ok}, seen: sawBody("hello")},
		{name: "coding in a header that was folded", send: framed(five, "X-A: b\r\n Transfer-Encoding: chunked", "Content-Length: 15"), replies: []reply{ok}, seen: sawBody(five)},
	}
	for name, value := range map[string]string{
		"coding identity": "identity", "coding chunked, identity": "chunked, identity", "coding identity, chunked": "identity, chunked",
		"coding gzip, chunked": "gzip, chunked", "coding chunked twice in a list": "chunked, chunked", "coding xchunked": "xchunked",
		"coding chunkedx": "chunkedx", "coding empty": "", "coding in quotes": `"chunked"`, "coding with a parameter": "chunked;q=1",
		"coding with a comma": "chunked,", "coding behind a comma": ", chunked", "coding with a soft hyphen": "chun\xadked",
	} {
		list = append(list, refusedCoding(name, value))
	}
	for name, value := range map[string]string{
		"coding with a vertical tab": "\x0bchunked", "coding with a NUL": "chunked\x00", "coding with a bare CR": "chunked\r ",
	} {
		list = append(list, scenario{name: name, send: framed(five, "Transfer-Encoding: "+value), replies: []reply{badRequest}, end: closes})
	}
	return list
}

// chunkScenarios: how a chunked body is written.
func chunkScenarios() []scenario {
	chunked := func(body string) string { return framed(body, "Transfer-Encoding: chunked") }
	broken := refused("400 Bad Request", "upload_broken")
	list := []scenario{
		{name: "chunk size with leading zeros", send: chunked("0005\r\nhello\r\n0\r\n\r\n"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "chunk size in capitals", send: chunked("A\r\nhellohello\r\n0\r\n\r\n"), replies: []reply{ok}, end: closes, seen: sawBody("hellohello")},
		{name: "chunk extension", send: chunked("5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "many chunks", send: chunked(repeat("1\r\nx\r\n", 1000) + "0\r\n\r\n"), replies: []reply{ok}, end: closes, seen: sawBody(repeat("x", 1000))},
		{
			name: "a trailer, over HTTP", only: overHTTP, send: chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\nX_Sum: 2\r\nX-Sessiongate: evil\r\n\r\n"), replies: []reply{ok}, end: closes,
			seen: []request{{line: "POST /a", host: "gate.test", body: "hello", header: []string{"trailer x-sum: 1", "-trailer x_sum", "-trailer x-sessiongate"}}},
		},
		{
			name: "a trailer, over FastCGI", only: overFastCGI, send: chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), replies: []reply{ok}, end: closes,
			seen: []request{{line: "POST /a", host: "gate.test", body: "hello", header: []string{"-x-sum"}}},
		},
		{name: "a trailer that poses as the framing", send: chunked("5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: x\r\n\r\n"), replies: []reply{ok}, end: closes, seen: sawBody("hello")},
		{name: "a trailer that poses as a cookie", send: chunked("5\r\nhello\r\n0\r\nCookie: PHPSESSID=evil\r\n\r\n"), replies: []reply{ok}, end: closes, session: noSession, seen: []request{{line: "POST /a", host: "gate.test", body: "hello", header: []string{"-Cookie"}}}},
		{name: "a chunked body that breaks off", send: chunked("5\r\nhel"), hangUp: true, end: closes},
		{name: "a chunked body without its last chunk", send: chunked("5\r\nhello\r\n"), hangUp: true, end: closes},
		{name: "a trailer that does not end", send: chunked("5\r\nhello\r\n0\r\nX-A: b\r\n"), hangUp: true, end: closes},
	}
	for name, body := range map[string]string{
		"chunk size behind 0x": "0x5\r\nhello\r\n0\r\n\r\n", "chunk size with a sign": "+5\r\nhello\r\n0\r\n\r\n", "chunk size below zero": "-5\r\nhello\r\n0\r\n\r\n",
		"chunk size empty": "\r\nhello\r\n0\r\n\r\n", "chunk size behind a space": " 5\r\nhello\r\n0\r\n\r\n", "chunk size in letters": "g\r\nhello\r\n0\r\n\r\n",
		"chunk size of 64 bits and one": "10000000000000005\r\nhello\r\n0\r\n\r\n", "chunk size of many digits": repeat("0", 20) + "5\r\nhello\r\n0\r\n\r\n",
		"chunk size with an underscore": "0_5\r\nhello\r\n0\r\n\r\n", "chunk size with a comma": "5,5\r\nhello\r\n0\r\n\r\n",
		"chunk longer than its size": "4\r\nhello\r\n0\r\n\r\n", "chunk without its line end": "5\r\nhello0\r\n\r\n", "chunk size with a bare LF": "5\nhello\r\n0\r\n\r\n",
		"chunk with a bare LF behind": "5\r\nhello\n0\r\n\r\n", "chunk size with a bare CR": "5\rhello\r\n0\r\n\r\n", "chunk extension with a bare CR": "5;a\rb\r\nhello\r\n0\r\n\r\n",
		"chunk extension with a bare LF": "5;a\nb\r\nhello\r\n0\r\n\r\n", "chunk extension of 20 KB": "5;" + repeat("a", 20<<10) + "\r\nhello\r\n0\r\n\r\n",
		"chunk extensions of 1 MB in all": repeat("1;"+repeat("a", 1<<10)+"\r\nx\r\n", 1<<10) + "0\r\n\r\n",
		"chunk size, 0 with a bare LF":    "5\r\nhello\r\n0\n\n", "a trailer without a colon": "5\r\nhello\r\n0\r\nevil\r\n\r\n",
	} {
		list = append(list, scenario{name: name, send: chunked(body), replies: []reply{broken}, end: closes})
	}
	return list
}
