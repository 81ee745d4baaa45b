package http

// reasons says of each scenario in which nginx or Caddy do something else why
// the gate does what it does. Each reason stands above the scenarios that it
// holds for.
var reasons = byScenario(map[string][]string{
	"what a client names in Connection is meant for this connection only (RFC 9110, 7.6.1)": {
		"Connection names a field", "Connection names a field among others", "Connection names a field in its second line",
	},
	"what comes through a trusted proxy may be named by its client, who must not take away what the proxy says": {
		"relayed: Connection names the client's address, over HTTP", "relayed: Connection names all of the proxy, over HTTP", "relayed: Connection names it in lines and capitals, over HTTP",
		"relayed: Connection names the request's id", "relayed: Connection names how files are sent", "relayed: Connection names what the proxy has found out",
		"relayed: Connection names Cookie", "relayed: Connection names how the body is to be read",
	},
	"written anew, and the same as the X-Forwarded fields":                                                                  {"relayed: Forwarded by itself"},
	"passes from nobody, whatever Connection names (RFC 9110, 7.6.1)":                                                       {"relayed: what is hop by hop by itself"},
	"the gate's own say nothing from outside; frameworks route by the other one":                                            {"relayed: the gate's own fields"},
	"as for every field that Connection names; so it chooses no session either":                                             {"Connection names Cookie"},
	"meant for the connection to the proxy only (RFC 9110, 11.7.2)":                                                         {"posing: a proxy's word", "posing: a connection of old"},
	"an expectation that nobody here can meet is refused (RFC 9110, 10.1.1)":                                                {"Expect something else"},
	"nobody is asked to send a body that will be refused":                                                                   {"Expect with too large a body"},
	"there is no body to go on with; and the gate has answered the expectation itself":                                      {"Expect without a body"},
	"has no header, so no host and no session; nobody speaks it any more":                                                   {"HTTP/0.9"},
	"spoken over TLS only, where the protocol is agreed on before the first byte":                                           {"HTTP/2 without TLS", "an upgrade to h2c"},
	"PHP sees that no host was named; an HTTP upstream has to get some Host, and gets its own":                              {"HTTP/1.0 without Host, over HTTP"},
	"a coding over HTTP/1.0 is a fault (RFC 9112, 6.1): nothing is read behind it, and the connection ends":                 {"HTTP/1.0 that stays, with chunks", "HTTP/1.0 that stays, with chunks and a length"},
	"the coding counts, and the connection ends: what follows is nobody's request (RFC 9112, 6.1)":                          {"coding with a length before it", "coding with a length behind it", "coding with a length, and a request behind it"},
	"the gate passes trailers on, and says so":                                                                              {"TE, over HTTP", "a trailer, over HTTP"},
	"the upstream's answer is to pass untouched, so the gate asks for nothing of its own":                                   {"User-Agent is not made up"},
	"not allowed in a value (RFC 9110, 5.5): what it means is the next server's guess":                                      {"a DEL in a value", "a control character in a value", "a bare CR at the end of a value"},
	"not allowed in a name (RFC 9110, 5.6.2): what it means is the next server's guess":                                     {"a bracket in a name", "a high byte in a name", "a slash in a name", "an at sign in a name", "quotes in a name", "an empty name"},
	"no field (RFC 9112, 5): to leave it out is to guess where the header goes on":                                          {"a line without a colon", "a trailer without a colon"},
	"half a body is no body: the upstream never hears of it":                                                                {"a body that breaks off", "a chunked body that breaks off", "a chunked body without its last chunk", "a trailer that does not end"},
	"no path that PHP, or a file system, could mean by it":                                                                  {"a closed path behind a NUL", "a path with a NUL escaped", "a path with a NUL before its extension"},
	"spaces around a value are none of it (RFC 9110, 5.5); a tab is one as well":                                            {"a field in spaces", "length in spaces", "chunked behind a tab"},
	"a folded line is one value with a space in place of the fold (RFC 9112, 5.2), for the gate as for the backend":         {"a field that is folded", "a field that is folded over nothing", "cookie: folded", "cookie: folded over nothing", "length folded", "chunked, folded", "coding in a header that was folded"},
	"what counts is the size of the whole header, server.max_header_size":                                                   {"a flood of fields", "a very large field"},
	"the status says which: the header is too large (RFC 6585, 5)":                                                          {"a flood of one field", "a header without an end", "too large a field", "too large a flood of cookies", "too large a flood of fields", "too large a name", "too long a target"},
	"not allowed in a target (RFC 9112, 3.2): for some servers the path ends there, for some it does not":                   {"a fragment", "a fragment before the path", "a fragment in the query"},
	"a path's case is kept, by rules as by PHP and its file system":                                                         {"a path in capitals"},
	"sent on escaped: the same path for every server (RFC 3986, 6.2.2), and one that rules have seen":                       {"a path with a backslash, over HTTP", "a path with an overlong slash, bare, over HTTP", "a path with backslashes and dots, over HTTP", "a path with high bytes, over HTTP", "a path with odd characters, over HTTP"},
	"refused before a byte of the body is read, and before the upstream hears of it":                                        {"a request behind a body that is too large", "too large a body", "length of 63 bits"},
	"a refused body is not read, so nothing behind it is read either":                                                       {"a request behind a refused body"},
	"a body is read to its end before the upstream hears of it: what is wrong with it is the client's fault, 400":           {"a request behind broken chunks", "chunk extension of 20 KB", "chunk extension with a bare LF", "chunk longer than its size", "chunk size behind 0x", "chunk size behind a space", "chunk size below zero", "chunk size empty", "chunk size in letters", "chunk size of 64 bits and one", "chunk size with a bare CR", "chunk size with a comma", "chunk size with a sign", "chunk size with an underscore", "chunk without its line end"},
	"lines of the chunked coding end with CRLF, never with less (RFC 9112, 7.1): two readings of its end are two requests":  {"chunk size with a bare LF", "chunk size, 0 with a bare LF", "chunk with a bare LF behind", "chunk extension with a bare CR"},
	"no size has so many digits, and no extension is so long: it only costs time":                                           {"chunk size of many digits", "chunk extensions of 1 MB in all"},
	"whoever hears nothing at all asks again; one answer says what was wrong":                                               {"a request that ends in its first line", "a request that ends in its header"},
	"one space stands between the words of the first line (RFC 9112, 3)":                                                    {"a space behind the version", "two spaces before the target", "two spaces behind the target"},
	"X-Forwarded-Host is set for the application":                                                                           {"a target in absolute form and another Host"},
	"of no web server (RFC 9110, 4.2): PHP would take it for another path than rules have":                                  {"a target in authority form", "a target of an unknown scheme", "a target of another scheme", "a target with a user", "a target with an empty host", "a target with quotes for a host", "a target with a high byte in its host", "a target without slashes", "an asterisk for GET"},
	"Host has a name in it (RFC 9110, 7.2); an upstream would be told another one":                                          {"an empty Host"},
	"the server itself is asked (RFC 9110, 9.3.7), not the application":                                                     {"an asterisk for OPTIONS", "an asterisk for OPTIONS, in chunks and with a length", "an asterisk for OPTIONS, over HTTP/1.0 and with a coding", "an asterisk for OPTIONS, with a body"},
	"skipping it is a courtesy to clients of the nineties (RFC 9112, 2.2); it is skipped behind a body, where they sent it": {"an empty line before the request"},
	"there is nothing above the root, so it is closed as the path itself":                                                   {"closed path, above the root"},
	"one line, as rules have read them (RFC 9110, 5.3): PHP would get the first, the last or all, as a server pleases":      {"a field twice"},
	"all lines are one Cookie, joined by \"; \" as the key was made (RFC 9113, 8.2.3): else PHP opens another session":      {"cookie: a line that ends in the middle", "cookie: in the second line", "cookie: in two lines"},
	"PHP gets the name that the client has used; nginx' $host is without case, port and dot":                                {"host in capitals", "host is an address", "host with a dot at its end", "host with a port", "host with an empty port"},
	"no host has it (RFC 3986, 3.2.2): pages build links from it":                                                           {"host with a backslash", "host with a hash", "host with a high byte", "host with a question mark", "host with a user", "host with quotes"},
	"a host is a name, or an address in brackets, and one port (RFC 9112, 3.2): what stands behind it, rules and upstream may read apart": {
		"host with two ports", "host with a port of letters", "host with a port below zero", "host is a port", "host is an address without brackets", "host is an address and more",
		"host is a name in brackets", "host is an address whose bracket is open",
	},
	"a zone means something to the client only (RFC 6874, 4); some servers leave it out, so that it is another host": {"host is an address with a zone"},
	"no length (RFC 9112, 6.3)": {"length empty"},
	"both say the same (RFC 9112, 6.3), and what goes on is the gate's own measure":                    {"length twice, alike"},
	"this is no proxy for clients, and never becomes a tunnel":                                         {"method CONNECT", "method CONNECT with a path"},
	"any method is the application's business; it is no shorter for Caddy's metrics":                   {"method MMMMMMMMMMMMMMMMMMMM"},
	"any method is the application's business; browsers send none of it":                               {"method TRACE"},
	"rules and requests speak of HTTP/1.0 and 1.1 in the one spelling there is (RFC 9112, 2.3)":        {"version HTTP/1.10", "version HTTP/11"},
	"only what a trusted proxy has said of the client is passed on":                                    {"posing: Forwarded", "posing: TLS", "posing: a CDN's address", "posing: a client address", "posing: a client's address", "posing: a host", "posing: a port", "posing: a prefix", "posing: a real address", "posing: a scheme", "posing: a server"},
	"meant for a connection that changes to HTTP/2 (RFC 7540, 3.2.1)":                                  {"posing: settings"},
	"a rule for POST would not hold for it, and frameworks take it for POST":                           {"method get", "method Post"},
	"names that begin with X-Sessiongate are the gate's own":                                           {"posing: a fence", "posing: a key", "posing: an order"},
	"PHP folds it into another name, which somebody trusts":                                            {"posing: a cookie with an underscore", "posing: a name with one underscore", "posing: a user", "posing: an address with dots", "posing: an address with underscores"},
	"frameworks route by it, past every rule":                                                          {"posing: a rewritten URL", "posing: another URL"},
	"CGI makes the variable HTTP_PROXY of it (CVE-2016-5385)":                                          {"posing: httpoxy", "posing: httpoxy in capitals"},
	"nobody has asked for it: the gate has read the body before":                                       {"answer: 100 and nothing", "answer: 100 and then an answer"},
	"nobody has asked to change the protocol: what follows could pose as anything":                     {"answer: 101 that was not asked for"},
	"what cannot be understood must not become an answer that can: two readers would read two answers": {"answer: a NUL in a value", "answer: a bare CR in a value", "answer: a space before a colon", "answer: a space in a name", "answer: an empty name", "answer: coding gzip, chunked", "answer: coding identity", "answer: coding twice", "answer: coding unknown", "answer: length as a list", "answer: length below zero", "answer: length empty", "answer: length too large", "answer: length twice, different", "answer: length with a sign"},
	"no HTTP: the client must not get it as an answer":                                                 {"answer: a status below 100", "answer: a status in words", "answer: a status of four digits", "answer: a status of two digits", "answer: another protocol", "answer: no HTTP"},
	"an answer that broke off is no whole one, and the client has to see that":                         {"answer: a chunk longer than its size", "answer: a chunk size that is none", "answer: a chunk that breaks off", "answer: chunks without an end"},
	"one value with a space (RFC 9112, 5.2)":                                                           {"answer: a folded field"},
	"1 MiB is enough for a header":                                                                     {"answer: a header of 2 MB"},
	"a request may have taken effect, so it is never sent twice":                                       {"answer: nothing"},
	"one coding line is all that is understood: 501 (RFC 9112, 6.1)":                                   {"coding twice", "coding twice, identity behind", "coding twice, identity first"},
	"the header is no header: 400":                                                                     {"coding with a NUL", "coding with a bare CR", "coding with a vertical tab"},
})

func byScenario(names map[string][]string) map[string]string {
	why := map[string]string{}
	for reason, list := range names {
		for _, name := range list {
			why[name] = reason
		}
	}
	return why
}
