package rules

import (
	"net/netip"
	"strings"
	"testing"
)

// sent is a request with headers: name, value, name, value …
func sent(headers ...string) Request {
	lines := map[string][]string{}
	for i := 0; i < len(headers); i += 2 {
		lines[headers[i]] = append(lines[headers[i]], headers[i+1])
	}
	return Request{Path: "/", Method: "GET", Header: func(name string) []string { return lines[name] }}
}

func (r Request) from(client string) Request {
	r.Client = netip.MustParseAddr(client)
	return r
}

func (r Request) to(method, path, query string) Request {
	r.Method, r.Path, r.RawQuery = method, path, query
	return r
}

func TestFieldsHold(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::ffff:192.0.2.0/120"), netip.MustParsePrefix("2001:db8::/64")}
	const googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
	for _, tt := range []struct {
		name    string
		match   Match
		yes, no []Request
	}{
		{
			"path_regex takes whole paths",
			Match{PathRegex: []string{"/shop/[0-9]+", "^/old(/.*)?$"}},
			[]Request{sent().to("GET", "/shop/12", ""), sent().to("GET", "/old", ""), sent().to("GET", "/old/a\nb", "")},
			[]Request{sent().to("GET", "/shop/12/x", ""), sent().to("GET", "/x/shop/12", ""), sent().to("GET", "/older", ""), sent().to("GET", "/shop/12\n", "")},
		},
		{
			"path_regex: a dot is any character, in UTF-8 or not",
			Match{PathRegex: []string{"/admin.+"}},
			[]Request{sent().to("GET", "/admin\n", ""), sent().to("GET", "/admin\xff", ""), sent().to("GET", "/admin/ä", "")},
			[]Request{sent().to("GET", "/admin", ""), sent().to("GET", "/ADMIN/x", "")},
		},
		{
			"path_regex in any case",
			Match{PathRegex: []string{"(?i)/admin/.*"}},
			[]Request{sent().to("GET", "/Admin/x", ""), sent().to("GET", "/ADMIN/", "")},
			[]Request{sent().to("GET", "/admin", "")},
		},
		{
			"path_regex: all alternatives are whole",
			Match{PathRegex: []string{"/a|/b"}},
			[]Request{sent().to("GET", "/a", ""), sent().to("GET", "/b", "")},
			[]Request{sent().to("GET", "/ab", ""), sent().to("GET", "/a/b", "")},
		},
		{
			"path and path_regex together",
			Match{Path: []string{"/a/*"}, PathRegex: []string{".*[0-9]"}},
			[]Request{sent().to("GET", "/a/1", "")},
			[]Request{sent().to("GET", "/a/x", ""), sent().to("GET", "/b/1", "")},
		},
		{
			"user_agent in any case",
			Match{UserAgent: []string{"*Python-requests*", "curl/*"}},
			[]Request{sent("User-Agent", "PYTHON-Requests/2.3"), sent("User-Agent", "Curl/8"), sent("User-Agent", "x", "User-Agent", "python-requests")},
			[]Request{sent(), sent("User-Agent", "python requests"), sent("User-Agent", "libcurl/8"), sent("User-Agent", "x", "User-Agent", "curl/8")},
		},
		{
			"user_agent longer than the space for it",
			Match{UserAgent: []string{"*scrapy*"}},
			[]Request{sent("User-Agent", strings.Repeat("X", agentSpace)+"Scrapy"), sent("User-Agent", strings.Repeat("X", agentSpace-6)+"Scrapy")},
			[]Request{sent("User-Agent", strings.Repeat("X", 2*agentSpace))},
		},
		{"no user_agent", Match{UserAgent: []string{""}}, []Request{sent(), sent("User-Agent", "")}, []Request{sent("User-Agent", "x")}},
		{"bot", Match{Bot: ptr(true)}, []Request{sent("User-Agent", googlebot), sent("User-Agent", "curl/8.1")}, []Request{sent(), sent("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0")}},
		{"no bot", Match{Bot: ptr(false)}, []Request{sent()}, []Request{sent("User-Agent", googlebot)}},
		{
			"client",
			Match{Client: networks},
			[]Request{sent().from("10.255.0.1"), sent().from("192.0.2.200"), sent().from("2001:db8::ffff")},
			[]Request{sent(), sent().from("11.0.0.1"), sent().from("192.0.3.1"), sent().from("2001:db8:0:1::1")},
		},
		{
			"header",
			Match{Header: []NameValue{{"x-requested-with", "XMLHttpRequest"}, {"X-Any", "*"}, {"X-Empty", ""}}},
			[]Request{sent("X-Requested-With", "XMLHttpRequest"), sent("X-Any", ""), sent("X-Any", "a", "X-Any", "b"), sent("X-Empty", "")},
			[]Request{sent(), sent("X-Requested-With", "xmlhttprequest"), sent("X-Requested-With", "XMLHttpRequest", "X-Requested-With", "XMLHttpRequest"), sent("X-Empty", "a")},
		},
		{
			"header lines as PHP gets them",
			Match{Header: []NameValue{{"Accept", "a, b"}, {"Cookie", "a=b; c=d"}}},
			[]Request{sent("Accept", "a", "Accept", "b"), sent("Cookie", "a=b", "Cookie", "c=d")},
			[]Request{sent("Accept", "a"), sent("Cookie", "a=b, c=d")},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := mustCompile(t, Policy{}, Rule{Name: "r", Match: tt.match})
			for i, r := range tt.yes {
				if s.Decide(&r).Rule != "r" {
					t.Errorf("request %d does not match", i)
				}
			}
			for i, r := range tt.no {
				if s.Decide(&r).Rule == "r" {
					t.Errorf("request %d matches", -i)
				}
			}
		})
	}
}

// Whoever overrides a method must neither pass a rule for the method that was
// sent, nor evade one that rejects the other.
func TestOverriddenMethods(t *testing.T) {
	forwards := mustCompile(t, Policy{}, Rule{Name: "r", Match: Match{Method: []string{"GET", "HEAD"}}, Lock: ptr(None)})
	rejects := mustCompile(t, Policy{}, Rule{Name: "r", Match: Match{Method: []string{"DELETE", "PUT"}}, Reject: ptr(true)})
	get := func(headers ...string) Request { return sent(headers...) }
	for _, tt := range []struct {
		name             string
		request          Request
		forward, rejects bool
	}{
		{"none", get(), true, false},
		{"sent", get().to("DELETE", "/", ""), false, true},
		{"header", get("X-Http-Method-Override", "DELETE"), false, true},
		{"in small letters, with spaces", get("X-Http-Method-Override", " put\t"), false, true},
		{"another header", get("X-Http-Method", "PUT"), false, true},
		{"a third header", get("X-Method-Override", "PUT"), false, true},
		{"a harmless one and another", get("X-Http-Method", "HEAD", "X-Method-Override", "PUT"), false, true},
		{"a harmless one", get("X-Http-Method-Override", "head"), true, false},
		{"an empty one", get("X-Http-Method-Override", " "), true, false},
		{"two lines", get("X-Http-Method-Override", "GET", "X-Http-Method-Override", "PUT"), false, false},
		{"of a POST", get("X-Http-Method-Override", "PUT").to("POST", "/", ""), false, true},
		{"of a POST to GET", get("X-Http-Method-Override", "GET").to("POST", "/", ""), false, false},
		{"argument", get().to("GET", "/", "_method=DELETE"), false, true},
		{"argument in small letters", get().to("GET", "/", "a=b&_method=delete"), false, true},
		{"argument that PHP folds", get().to("GET", "/", ".method=PUT"), false, true},
		{"argument escaped", get().to("GET", "/", "%5Fm%65thod=P%55T"), false, true},
		{"argument, the last counts", get().to("GET", "/", "_method=PUT&_method=GET"), true, false},
		{"argument of another name", get().to("GET", "/", "my_method=PUT&method=PUT"), true, false},
		{"argument that is an array", get().to("GET", "/", "_method[]=PUT"), false, false},
		{"argument that is no method", get().to("GET", "/", "_method=bank"), false, false},
	} {
		if got := forwards.Decide(&tt.request).Rule == "r"; got != tt.forward {
			t.Errorf("%s: a rule for GET and HEAD: %v", tt.name, got)
		}
		if got := rejects.Decide(&tt.request).Rule == "r"; got != tt.rejects {
			t.Errorf("%s: a rule that rejects DELETE and PUT: %v", tt.name, got)
		}
	}
}

// A path that nobody means must cost little, and evade nothing by its length.
func TestExpressionsAreNotAskedAboutEndlessPaths(t *testing.T) {
	match := Match{PathRegex: []string{"/private/(a|aa)*", ".*[0-9]x"}}
	forwards := mustCompile(t, Policy{}, Rule{Name: "r", Match: match})
	rejects := mustCompile(t, Policy{}, Rule{Name: "r", Match: match, Reject: ptr(true)})
	all := mustCompile(t, Policy{}, Rule{Name: "r", Match: Match{PathRegex: []string{".*"}}})
	for _, tt := range []struct {
		length            int
		forwards, rejects bool
	}{{maxRegexPath, true, true}, {maxRegexPath + 1, false, true}} {
		r := &Request{Path: "/private/" + strings.Repeat("a", tt.length-len("/private/"))}
		if got := forwards.Decide(r).Rule == "r"; got != tt.forwards {
			t.Errorf("%d bytes, a rule that forwards: %v", tt.length, got)
		}
		if got := rejects.Decide(r).Rule == "r"; got != tt.rejects {
			t.Errorf("%d bytes, a rule that rejects: %v", tt.length, got)
		}
		if all.Decide(r).Rule != "r" {
			t.Errorf("%d bytes are not all paths", tt.length)
		}
	}
}
