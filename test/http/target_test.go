package http

var (
	badTarget = refused("400 Bad Request", "bad_request")
	closedOff = refused("403 Forbidden", "rule")
)

// targetScenarios: the forms of a target.
func targetScenarios() []scenario {
	list := []scenario{
		{name: "a target in absolute form", send: get("http://gate.test/a?b"), replies: []reply{ok}, seen: saw("GET /a?b")},
		{name: "a target in absolute form without a path", send: get("http://gate.test"), replies: []reply{ok}, seen: saw("GET /")},
		{
			name: "a target in absolute form and another Host", send: "GET http://victim.test/a HTTP/1.1\r\nHost: gate.test\r\n\r\n", replies: []reply{ok},
			seen: []request{{line: "GET /a", host: "victim.test", header: []string{"x-forwarded-host: victim.test"}}},
		},
		{name: "a target in absolute form without Host", send: "GET http://gate.test/a HTTP/1.1\r\n\r\n", replies: []reply{noHost}, end: closes},
		{name: "a target of another scheme", send: get("ftp://gate.test/a"), replies: []reply{badTarget}},
		{name: "a target of the scheme https", send: get("https://gate.test/a"), replies: []reply{ok}, seen: saw("GET /a", "x-forwarded-proto: http")},
		{name: "a target with a user", send: get("http://user:word@gate.test/a"), replies: []reply{badTarget}},
		{name: "a target with quotes for a host", send: get("http://\"/a"), replies: []reply{badTarget}},
		{name: "a target with a high byte in its host", send: get("http://g\xc3\xa4te.test/a"), replies: []reply{badTarget}},
		{name: "host is an address with a zone", send: "GET /a HTTP/1.1\r\nHost: [fe80::1%25lo]\r\n\r\n", replies: []reply{badTarget}},
		{name: "a target with an empty host", send: get("http:///a"), replies: []reply{badTarget}},
		{name: "a target without slashes", send: get("http:a"), replies: []reply{badTarget}},
		{name: "a target of an unknown scheme", send: get("x:http://victim.test/admin"), replies: []reply{badTarget}},
		{name: "a target in authority form", send: get("gate.test:80"), replies: []reply{badTarget}},
		{name: "a target without its slash", send: get("a"), replies: []reply{badRequest}, end: closes},
		{name: "an asterisk for GET", send: get("*"), replies: []reply{badTarget}},
		{name: "an asterisk for OPTIONS", send: message("OPTIONS *", "", nil), replies: []reply{{status: "HTTP/1.1 200 OK", header: []string{"Content-Length: 0"}}}},
		{
			name: "an asterisk for OPTIONS, in chunks and with a length", send: message("OPTIONS *", "0\r\n\r\n"+get("/evil"), []string{"Transfer-Encoding: chunked", "Content-Length: 5"}),
			replies: []reply{{status: "HTTP/1.1 200 OK", header: []string{"Content-Length: 0", "Connection: close"}}}, end: closes,
		},
		{
			name: "an asterisk for OPTIONS, over HTTP/1.0 and with a coding", send: "OPTIONS * HTTP/1.0\r\nHost: gate.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("/evil"),
			replies: []reply{{status: "HTTP/1.0 200 OK", header: []string{"Content-Length: 0", "Connection: close"}}}, end: closes,
		},
		{
			name: "an asterisk for OPTIONS, with a body", send: message("OPTIONS *", "hello"+get("/evil"), []string{"Content-Length: 5"}),
			replies: []reply{{status: "HTTP/1.1 200 OK", header: []string{"Content-Length: 0", "Connection: close"}}}, end: closes,
		},
		{name: "a fragment", send: get("/a#b"), replies: []reply{badTarget}},
		{name: "a fragment before the path", send: get("/static#/../admin"), replies: []reply{badTarget}},
		{name: "a fragment in the query", send: get("/a?b#c"), replies: []reply{badTarget}},
		{name: "a question mark and nothing", send: get("/a?"), replies: []reply{ok}, seen: saw("GET /a?")},
		{name: "question marks in the query", send: get("/a?b?c=?"), replies: []reply{ok}, seen: saw("GET /a?b?c=?")},
		{name: "semicolons in the query", send: get("/a?b=1;c=2&d"), replies: []reply{ok}, seen: saw("GET /a?b=1;c=2&d")},
		{name: "a query of odd escapes", send: get("/a?b=%zz&c=%&d=%00&e=+"), replies: []reply{ok}, seen: saw("GET /a?b=%zz&c=%&d=%00&e=+")},
		{name: "a query of odd characters", send: get(`/a?b[]=1&c={"d"}|e\f^`), replies: []reply{ok}, seen: saw(`GET /a?b[]=1&c={"d"}|e\f^`)},
		{name: "a query of high bytes", send: get("/a?b=\xe4\xff"), replies: []reply{ok}, seen: saw("GET /a?b=\xe4\xff")},
		{name: "two slashes before a host", send: get("//victim.test/a"), replies: []reply{ok}, seen: saw("GET //victim.test/a")},
	}
	return list
}

// hostScenarios: what Host says.
func hostScenarios() []scenario {
	hosted := func(name, host string) scenario {
		return scenario{name: name, send: "GET /a HTTP/1.1\r\nHost: " + host + "\r\n\r\n", replies: []reply{ok}, seen: []request{{line: "GET /a", host: host}}}
	}
	refusedHost := func(name, host string) scenario {
		return scenario{name: name, send: "GET /a HTTP/1.1\r\nHost: " + host + "\r\n\r\n", replies: []reply{badHost}, end: closes}
	}
	oddHost := func(name, host string) scenario {
		return scenario{name: name, send: "GET /a HTTP/1.1\r\nHost: " + host + "\r\n\r\n", replies: []reply{badTarget}}
	}
	return []scenario{
		oddHost("host with two ports", "gate.test:80:90"), oddHost("host with a port of letters", "gate.test:80abc"), oddHost("host with a port below zero", "gate.test:-1"),
		oddHost("host is a port", ":80"), oddHost("host is an address without brackets", "2001:db8::1"), oddHost("host is an address and more", "[2001:db8::1]gate.test"),
		oddHost("host is a name in brackets", "[gate.test]"), oddHost("host is an address whose bracket is open", "[2001:db8::1"), hosted("host with an empty port", "gate.test:"),
		hosted("host with a port", "gate.test:8443"), hosted("host in capitals", "Gate.Test"), hosted("host with a dot at its end", "gate.test."),
		hosted("host is an address", "[2001:db8::1]:80"), hosted("host with an underscore", "a_b.test"),
		refusedHost("host with a slash", "gate.test/evil"), refusedHost("host with a user", "evil@gate.test"), refusedHost("host in two words", "gate.test evil"),
		refusedHost("host with a high byte", "gate\xe4.test"), refusedHost("host with a question mark", "gate.test?evil"), refusedHost("host with a backslash", `gate.test\evil`),
		refusedHost("host with quotes", `"gate.test"`), refusedHost("host with a hash", "gate.test#evil"),
		{name: "no Host", send: "GET /a HTTP/1.1\r\n\r\n", replies: []reply{noHost}, end: closes},
		{name: "Host twice", send: get("/a", "Host: evil.test"), replies: []reply{badRequest}, end: closes},
		{name: "Host twice, alike", send: get("/a", "Host: gate.test"), replies: []reply{badRequest}, end: closes},
		{name: "Host and another folded behind it", send: "GET /a HTTP/1.1\r\nHost: gate.test\r\n evil.test\r\n\r\n", replies: []reply{badHost}, end: closes},
		{name: "Host with a space before its colon", send: get("/a", "Host : evil.test"), replies: []reply{badName}, end: closes},
		{name: "an empty Host", send: "GET /a HTTP/1.1\r\nHost:\r\n\r\n", replies: []reply{badTarget}},
	}
}

// pathScenarios: how a path is spelled. The rule that closes /admin must hold
// for each spelling that means it, and for no other.
func pathScenarios() []scenario {
	var list []scenario
	for name, path := range map[string]string{
		"closed path": "/admin", "closed path with a slash": "/admin/", "closed path, two slashes": "//admin", "closed path, two slashes within": "/admin//x",
		"closed path, a dot": "/./admin/x", "closed path, two dots": "/x/../admin", "closed path, dots at its end": "/admin/x/..", "closed path, above the root": "/../../admin",
		"closed path, a letter escaped": "/%61dmin", "closed path, all escaped": "/%61%64%6d%69%6e/x", "closed path, dots escaped": "/x/%2e%2e/admin", "closed path, a dot escaped": "/x/.%2e/admin",
		"closed path, a slash escaped": "/admin%2fx", "closed path, slashes and dots escaped": "/x%2f..%2Fadmin", "closed path, a query": "/admin?x=/../a", "closed path in absolute form": "http://gate.test/admin",
		"closed path in absolute form, two slashes": "http://gate.test//admin",
	} {
		list = append(list, scenario{name: name, send: get(path), replies: []reply{closedOff}})
	}
	for name, path := range map[string]string{
		"a path in capitals": "/ADMIN", "a path with a parameter": "/admin;x", "a path with a backslash escaped": "/admin%5cx", "a path with overlong dots": "/x/%c0%ae%c0%ae/admin",
		"a path with an overlong slash": "/admin%c0%afx", "a path escaped twice": "/%2561dmin", "a path with wide letters": "/%ef%bd%81dmin", "a path with dots of three": "/.../admin",
		"a path with an escaped line end": "/a%0d%0aX-Evil:%20b", "a path with an escaped space": "/a%20b", "a path with an escaped question mark": "/a%3fb", "a path with an escaped hash": "/a%23b",
		"a path with an escaped percent sign": "/a%2500", "a path with dots before a parameter": "/x/..;/admin", "a path with an escaped letter": "/%61", "a path with a colon": "/a:b", "a path with a plus": "/a+b",
		"a path of slashes": "///", "a path with a semicolon": "/a;b=c/d", "a path with an asterisk": "/*", "a path with a high byte escaped": "/%e4",
	} {
		list = append(list, scenario{name: name, send: get(path), replies: []reply{ok}, seen: saw("GET " + path)})
	}
	for name, path := range map[string]string{
		"a path with a NUL escaped": "/a%00b", "a closed path behind a NUL": "/x%00/../admin", "a path with a NUL before its extension": "/a.php%00.css",
	} {
		list = append(list, scenario{name: name, send: get(path), replies: []reply{badTarget}})
	}
	for name, path := range map[string]string{
		"a path with a broken escape": "/a%zz", "a path with half an escape": "/a%4", "a path with a percent sign at its end": "/a%", "a path with an escape of IIS": "/%u0061dmin",
	} {
		list = append(list, scenario{name: name, send: get(path), replies: []reply{badRequest}, end: closes})
	}
	for name, path := range map[string][2]string{ // over HTTP these are sent on escaped, which is the same
		"a path with a backslash": {`/admin\x`, "/admin%5Cx"}, "a path with backslashes and dots": {`/x\..\admin`, "/x%5C..%5Cadmin"}, "a path with high bytes": {"/\xc3\xa4", "/%C3%A4"},
		"a path with odd characters": {`/a"<>^|{}`, "/a%22%3C%3E%5E%7C%7B%7D"}, "a path with an overlong slash, bare": {"/admin\xc0\xafx", "/admin%C0%AFx"},
	} {
		list = append(list,
			scenario{name: name + ", over HTTP", only: overHTTP, send: get(path[0]), replies: []reply{ok}, seen: saw("GET " + path[1])},
			scenario{name: name + ", over FastCGI", only: overFastCGI, send: get(path[0]), replies: []reply{ok}, seen: saw("GET " + path[0])})
	}
	return append(list,
		scenario{name: "what follows the index script", only: overFastCGI, send: get("/index.php/admin"), replies: []reply{closedOff}},
		scenario{
			name: "the index script and more", only: overFastCGI, send: get("/index.php/a%20b?c"), replies: []reply{ok},
			seen: saw("GET /index.php/a%20b?c", "$path-info: /a b", "$script-name: /index.php", "$query-string: c"),
		},
		scenario{
			name: "a script is chosen by nobody", only: overFastCGI, send: get("/evil.php/x"), replies: []reply{ok},
			seen: saw("GET /evil.php/x", "$script-filename: /var/www/html/index.php", "$path-info: "),
		})
}
