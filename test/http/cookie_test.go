package http

// cookieScenarios: the gate has to lock the session that PHP will open, and the
// backend has to get the cookies so that it is this one.
func cookieScenarios() []scenario {
	sent := func(name, session, cookie string) scenario {
		return scenario{name: "cookie: " + name, send: get("/a", "Cookie: "+cookie), replies: []reply{ok}, session: session, seen: saw("GET /a", "cookie: "+cookie)}
	}
	lines := func(name, session, joined string, cookies ...string) scenario {
		return scenario{name: "cookie: " + name, send: get("/a", cookies...), replies: []reply{ok}, session: session, seen: saw("GET /a", "cookie: "+joined)}
	}
	return []scenario{
		sent("a session", "aaa1", "PHPSESSID=aaa1"), sent("an escape", "aaa1", "PHPSESSID=aaa%31"), sent("a plus", "aaa+a", "PHPSESSID=aaa+a"), sent("twice", "aaa1", "PHPSESSID=aaa1; PHPSESSID=bbb"),
		sent("empty first", noSession, "PHPSESSID=; PHPSESSID=aaa1"), sent("behind another", "aaa1", "a=b;PHPSESSID=aaa1"), sent("behind spaces", "aaa1", "a=b;   PHPSESSID=aaa1"), sent("behind a tab", "aaa1", "a=b;\tPHPSESSID=aaa1"),
		sent("in small letters", noSession, "phpsessid=aaa1"), sent("in quotes", noSession, `PHPSESSID="aaa1"`), sent("an array", noSession, "PHPSESSID[]=aaa1"), sent("a name with an escape", noSession, "%50HPSESSID=aaa1"),
		sent("without a value", noSession, "PHPSESSID"), sent("a value with equals signs", "a=b=c", "PHPSESSID=a=b=c"), sent("a comma", "a,b", "PHPSESSID=a,b"), sent("a NUL escaped", "aaa", "PHPSESSID=aaa%00bbb"),
		sent("a line end escaped", noSession, "PHPSESSID=aaa%0abbb"), sent("a half escape", "aaa%4", "PHPSESSID=aaa%4"), sent("an escape that is none", "aaa%zz", "PHPSESSID=aaa%zz"), sent("high bytes", "\xe4\xff", "PHPSESSID=\xe4\xff"),
		sent("of semicolons", "aaa1", ";;PHPSESSID=aaa1;;"), sent("an array over it", noSession, "PHPSESSID=aaa1; PHPSESSID[x]=b"), sent("a space before its equals sign", noSession, "PHPSESSID =aaa1"),
		lines("in the second line", "aaa1", "a=b; PHPSESSID=aaa1", "Cookie: a=b", "Cookie: PHPSESSID=aaa1"), lines("in two lines", "aaa1", "PHPSESSID=aaa1; PHPSESSID=bbb", "Cookie: PHPSESSID=aaa1", "cookie: PHPSESSID=bbb"),
		lines("a line that ends in the middle", "aa", "PHPSESSID=aa; bb", "Cookie: PHPSESSID=aa", "Cookie: bb"), lines("folded over nothing", "aaa1", "PHPSESSID=aaa1", "Cookie: PHPSESSID=aaa1\r\n "), lines("folded", "aaa1", "a=b; PHPSESSID=aaa1", "Cookie: a=b;\r\n PHPSESSID=aaa1"),
		{name: "cookie: in the URL", send: get("/a?PHPSESSID=aaa1"), replies: []reply{ok}, session: noSession, seen: saw("GET /a?PHPSESSID=aaa1", "-cookie")},
		{name: "cookie: in the body", send: post("/a", "PHPSESSID=aaa1", "Content-Type: application/x-www-form-urlencoded"), replies: []reply{ok}, session: noSession, seen: []request{{line: "POST /a", host: "gate.test", body: "PHPSESSID=aaa1", header: []string{"-cookie"}}}},
		{name: "cookie: Cookie2", send: get("/a", "Cookie2: PHPSESSID=aaa1"), replies: []reply{ok}, session: noSession, seen: saw("GET /a", "-cookie")},
	}
}
