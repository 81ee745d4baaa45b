package proxy

import (
	"slices"
	"strings"
)

// evasions are all that is tried. What is about bytes on the wire (framing, odd
// lines, Host) is test/http's.
func evasions() []evasion {
	return slices.Concat(pathEvasions(), scriptEvasions(), hostEvasions(), methodEvasions(), queryEvasions(), agentEvasions(), cookieEvasions(), headerEvasions(), clientEvasions())
}

func pathEvasions() []evasion {
	return slices.Concat(
		tries("a closed path", "GET %s HTTP/1.1", "admin",
			"/admin", "/admin/", "/admin/x", "//admin", "///admin//x", "/./admin", "/x/../admin", "/x/y/../../admin/z", "/../admin", "/../../admin/x", "/admin/.", "/admin/x/..", "/admin/./x",
			"/%61dmin", "/%61%64%6D%69%6e", "/adm%69n/", "/admin%2f", "/admin%2Fx", "/%2fadmin", "/x%2f..%2fadmin", "/x/%2e%2e/admin", "/x/.%2E/admin", "/%2e/admin", "/x/%2e%2e%2fadmin",
			"/index.php/admin", "/index.php/admin/x", "/index%2ephp/admin", "//index.php//admin", "/index.php/index.php/admin", "/x/../index.php/admin", "/index.php/x/../admin", "/static/../admin",
			"/admin?", "/admin?x=/static/a", "http://shop.example/admin", "http://shop.example//admin/x", "/admin/x%0a", "/admin/..", "/admin/../page", "/admin/%2e%2e%2fpage", "/index.php/admin/./../page", "/admin/%ff", "/admin/%5c..%5c..%5cx", "/admin/a;b=c"),
		tries("a closed path by expression", "GET %s HTTP/1.1", "private",
			"/private", "/Private", "/PRIVATE/x", "/private/", "/private/%0a", "/private/a%0Ab", "/private/%ff%fe", "//private", "/x/../pRivate", "/%70rivate/x", "/index.php/private/x", "/private%2fx", "/private/./x"),
		tries("a way out of what is let through", "GET %s HTTP/1.1", "",
			"/static/../cart", "/static/%2e%2e/cart", "/static/..%2fcart", "/static/%2E%2e%2Fcart", "/static//../cart", "/static/x/../../cart", "/static/./../cart", "/%73tatic/../cart", "/static/..", "/static/%2e%2e",
			"/static", "/statics/x", "/Static/x", "/STATIC/x", "/x/static/a", "/static%5c..%5ccart", `/static\..\cart`, "/static;/x", "/%2573tatic/x", "/static%252f..%252fcart", "/static%c0%af../x", "/cart;/static/x", "/cart?/static/x", "/cart%3f/static/x", "/index.php/static"),
		tries("what is let through all the same", "GET %s HTTP/1.1", "static",
			"/static/a", "//static//a", "/static/a/../b", "/cart/../static/a", "/%73tatic/a", "/static/a?b=/../../cart", "/index.php/static/a", "/static/..a", "/static/...", "/static/"),
		tries("a path that nobody means", "GET %s HTTP/1.1", "400",
			"/admin%00", "/static/%00/../../cart", "/admin%", "/admin%2", "/admin%zz", "/%u0061dmin", "/static/#/../admin", "*", "admin", "x:/admin", "http:admin"),
	)
}

func scriptEvasions() []evasion {
	return slices.Concat(
		tries("a closed script", "GET %s HTTP/1.1", "install",
			"/install.php", "/install.php/", "/install.php/x", "/install.php/x.css", "/install.php/../install.php", "/install%2ephp", "/install.php%2fx", "/./install.php/a/b",
			"/up/x.php", "/up/a/b.php", "/up/x.php/y.jpg", "/up/x.php/z.php/a", "/up//x.php", "/up/x.%70hp", "/up/x.jpg/../y.php", "/up/", "/up/a/", "/up/x.php?y.jpg"),
		tries("a closed path behind another index script", "GET %s HTTP/1.1\nHost: api.example", "admin",
			"/app.php/admin", "/app.php/admin/", "/app.php/admin/x", "/app%2ephp/admin", "/%61pp.php/admin/x", "//app.php//admin", "/app.php/app.php/admin", "/./app.php/admin", "/x/../app.php/admin", "/app.php/x/../admin",
			"/app.php/admin/../page", "/app.php/admin/%2e%2e/page", "/app.php%2fadmin", "/app.php/admin/x.php/y", "/index.php/admin", "/admin", "/app.php/../admin"),
		tries("a closed path of another upstream behind its index script", "GET %s HTTP/1.1", "admin", "/app.php/admin/x"),
		tries("a path closed by expression behind another index script", "GET %s HTTP/1.1\nHost: api.example", "private", "/app.php/private", "/app.php/PRIVATE/x", "/app.php/x/../private"),
		tries("a closed script behind another index script", "GET %s HTTP/1.1\nHost: api.example", "install", "/install.php/x", "/app.php/install.php", "/app.php/up/x.php"),
		tries("nothing closed behind another index script", "GET %s HTTP/1.1\nHost: api.example", "api", "/app.php", "/app.php/", "/app.php/page", "/app.phpx/admin", "/app/admin", "/x/app.php/admin", "/APP.php/admin"),
		tries("what is unlocked for one index script only", "GET %s HTTP/1.1", "", "/index.php/free/a", "/app.php/free/a", "/index.php/app.php/free/a", "/app.php/../index.php/free/a", "/x/../free/a", "/free/../cart"),
		tries("what is unlocked for all of them", "GET %s HTTP/1.1", "free", "/free/a", "/free/a/../b", "/%66ree/a", "/free/index.php/a", "/free/app.php"),
		tries("no closed script", "GET %s HTTP/1.1", "", "/install.phpx", "/install.php.bak", "/up/x.php.jpg", "/up/x.jpg", "/INSTALL.php", "/x/install.php"),
	)
}

func hostEvasions() []evasion {
	return slices.Concat(
		tries("a closed host", "GET / HTTP/1.1\nHost: %s", "inner", "inner.example", "INNER.example", "inner.example.", "inner.example..", "inner.example:80", "Inner.Example.:8443"),
		[]evasion{{"a closed host in the target", "GET http://inner.example/ HTTP/1.1\nHost: shop.example", "inner"}},
		tries("another host", "GET / HTTP/1.1\nHost: %s", "", "shop.example", "inner.example.org", "xinner.example", "shop.example:80"),
	)
}

func methodEvasions() []evasion {
	return slices.Concat(
		tries("a method that is closed", "%s", "delete",
			"DELETE /x HTTP/1.1", "POST /x HTTP/1.1\nContent-Length: 0\nX-HTTP-Method-Override: DELETE", "GET /x HTTP/1.1\nx-http-method-override: delete", "POST /x HTTP/1.1\nContent-Length: 0\nX-HTTP-Method: Delete",
			"PUT /x HTTP/1.1\nContent-Length: 0\nX-Method-Override:  DELETE ", "GET /x?_method=DELETE HTTP/1.1", "GET /x?_method=PUT&_method=delete HTTP/1.1", "GET /x?.method=DELETE HTTP/1.1", "GET /x?%5Fmethod=%44ELETE HTTP/1.1", "GET /x?+_method=DELETE HTTP/1.1",
			"GET /x?"+strings.Repeat("a&", 1000)+"_method=DELETE HTTP/1.1", "GET /x?_method=DELETE&"+strings.Repeat("a&", 1000)+"_method=GET HTTP/1.1"),
		tries("a method that passes the lock", "%s", "",
			"POST /static/a HTTP/1.1\nContent-Length: 0", "GET /static/a HTTP/1.1\nX-HTTP-Method-Override: POST", "GET /static/a HTTP/1.1\nX-Http-Method: PUT", "HEADER /static/a HTTP/1.1",
			"GET /static/a HTTP/1.1\nX-Method-Override: PATCH", "GET /static/a?_method=POST HTTP/1.1", "GET /static/a?_method[]=POST HTTP/1.1", "GET /static/a?_method=x HTTP/1.1", "GET /static/a HTTP/1.1\nX-HTTP-Method-Override: GET\nX-HTTP-Method-Override: POST"),
		tries("a method that nobody means", "%s", "400", "get /static/a HTTP/1.1", "Get /static/a HTTP/1.1"),
		tries("an override that is none", "%s", "static",
			"GET /static/a HTTP/1.1\nX-HTTP-Method-Override: GET", "GET /static/a HTTP/1.1\nX_HTTP_Method_Override: POST", "GET /static/a?method=POST HTTP/1.1", "GET /static/a HTTP/1.1\nConnection: X-HTTP-Method-Override\nX-HTTP-Method-Override: POST"),
	)
}

func queryEvasions() []evasion {
	return slices.Concat(
		tries("a closed argument", "GET /x?%s HTTP/1.1", "debug",
			"debug", "debug=1", "a=b&debug=0", "%64ebug=1", "debu%67", "+debug=1", "%20debug", "debug[]=1", "debug[x][y]=1", "debug%5b%5d=1", "debug%00x=1", "debug=1&debug=", "a;debug=1&debug"),
		tries("another argument", "GET /x?%s HTTP/1.1", "", "Debug=1", "debugx=1", "xdebug", "a=debug", "a;debug=1", "[debug]=1", ""),
		tries("an argument that passes", "GET /?%s HTTP/1.1", "get", "wc-ajax=get_x", "wc-ajax=add&wc-ajax=get_x", "wc%2Dajax=get%5Fx"),
		tries("an argument that PHP reads otherwise", "GET /?%s HTTP/1.1", "",
			"wc-ajax=get_x&wc-ajax=add", "wc-ajax=get_x&wc%2dajax=add", "wc-ajax=get_x&+wc-ajax=add", "wc-ajax=get_x&wc-ajax[]=add", "wc-ajax[]=get_x", "wc_ajax=get_x", "WC-AJAX=get_x", "wc-ajax=get_x&"+strings.Repeat("a&", 1000)+"wc-ajax=add", "wc-ajax=GET_x", "x=1;wc-ajax=get_x"),
	)
}

func agentEvasions() []evasion {
	long := strings.Repeat("x", 2000)
	return slices.Concat(
		tries("a closed user agent", "GET /x HTTP/1.1\nUser-Agent: %s", "scrapers",
			"scrapy", "Scrapy/2.11 (+https://scrapy.org)", "SCRAPY", "sCrApY", "Mozilla/5.0 Scrapy", "python-requests/2.3", "Python-Requests/2", "x\nUser-Agent: scrapy", "scrapy\nUser-Agent: Mozilla", "\tscrapy\t", long+"Scrapy", "scrapy"+long, "\xffscrapy\xff"),
		tries("another user agent", "GET /x HTTP/1.1\nUser-Agent: %s", "", "scrap y", "python requests/2", "Mozilla/5.0", "", "s\u0441rapy"),
		tries("another user agent header", "GET /x HTTP/1.1\n%s", "", "User_Agent: scrapy", "X-User-Agent: scrapy", "User-Agentx: scrapy"),
		tries("a claimed crawler", "GET /page HTTP/1.1\nCookie: PHPSESSID=abc\nUser-Agent: %s", "", "Googlebot/2.1", "bingbot", "curl/8"),
		tries("a crawler", "GET /page HTTP/1.1\nUser-Agent: %s", "bots", "Googlebot/2.1", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "curl/8"),
	)
}

// cookieEvasions: who has a session for PHP must not be taken for a guest.
func cookieEvasions() []evasion {
	return slices.Concat(
		tries("a session", "GET /page HTTP/1.1\nCookie: %s", "",
			"PHPSESSID=a", "PHPSESSID=%61", "a=b;PHPSESSID=a", "a=b;   PHPSESSID=a", "\tPHPSESSID=a", ";;PHPSESSID=a", "PHPSESSID=a; PHPSESSID=", "PHPSESSID=a+b", "a=b\nCookie: PHPSESSID=a", "=; PHPSESSID=a", "x; PHPSESSID=a;", "PHPSESSID=a%00b", "PHPSESSID=a=b", "PHPSESSID=a,b"),
		tries("no session", "GET /page HTTP/1.1\nCookie: %s", "guests",
			"phpsessid=a", "PHPSESSID", "PHPSESSID=", "PHPSESSID=; PHPSESSID=a", `PHPSESSID="a"`, "PHPSESSID[]=a", "%50HPSESSID=a", "XPHPSESSID=a", "PHPSESSID=a; PHPSESSID[x]=b", "PHPSESSID=a%0ab"),
		tries("no session elsewhere", "GET /page%s HTTP/1.1", "guests", "?PHPSESSID=a", " HTTP/1.1\nCookie2: PHPSESSID=a\nX: "),
	)
}

func headerEvasions() []evasion {
	return slices.Concat(
		tries("a header that passes", "GET /ajax HTTP/1.1\n%s", "ajax", "X-Requested-With: XMLHttpRequest", "x-requested-with:XMLHttpRequest", "X-REQUESTED-WITH: \t XMLHttpRequest "),
		tries("a header that PHP does not get so", "GET /ajax HTTP/1.1\n%s", "",
			"X_Requested_With: XMLHttpRequest", "X.Requested.With: XMLHttpRequest", "X-Requested-With: xmlhttprequest", "X-Requested-With: XMLHttpRequest\nX-Requested-With: x", "X-Requested-With: x\nX-Requested-With: XMLHttpRequest",
			"Connection: X-Requested-With\nX-Requested-With: XMLHttpRequest", "Connection: close, x-requested-with\nX-Requested-With: XMLHttpRequest"),
	)
}

// clientEvasions come from 127.0.0.1, which nobody trusts.
func clientEvasions() []evasion {
	return tries("another address", "GET /x HTTP/1.1\n%s", "",
		"X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1", "X-Client-IP: 10.0.0.1", "X-Forwarded-For: 10.0.0.1, 10.0.0.2", "CF-Connecting-IP: 10.0.0.1", "True-Client-IP: 10.0.0.1", "X-Forwarded-For: 10.0.0.1\nX-Forwarded-For: 10.0.0.1")
}
