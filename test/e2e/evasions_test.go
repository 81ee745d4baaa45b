package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// closed are rules that refuse what PHP must then never get.
const closed = `
rules:
  - {name: scripts, match: {path: ["/pathinfo/page.php", "/pathinfo/index.php"]}, action: reject}
  - {name: pages, match: {path: ["/closed", "/closed/**"]}, action: reject}
  - {name: debug, match: {header: [{name: X-Debug, value: "1"}]}, action: reject}
  - {name: xml, match: {header: [{name: Content-Type, value: "application/xml"}]}, action: reject}
  - {name: delete, match: {method: [DELETE]}, action: reject}
  - {name: scrapers, match: {user_agent: ["*scrapy*", "badbot"]}, action: reject}
  - {name: host, match: {host: ["closed.test", "*.closed.test"]}, action: reject}
`

// reached says which of the closed things PHP got after all.
func reached(env map[string]any) (what []string) {
	text := func(name string) string { s, _ := env[name].(string); return s }
	host := strings.ToLower(strings.TrimRight(strings.Split(text("HTTP_HOST"), ":")[0], "."))
	agent := strings.ToLower(text("HTTP_USER_AGENT"))
	for name, is := range map[string]bool{
		"a script": strings.HasPrefix(text("SCRIPT_NAME"), "/pathinfo/") || strings.HasPrefix(text("script"), "/pathinfo/"),
		"a page":   strings.HasPrefix(text("PATH_INFO")+text("path_info"), "/closed") || strings.HasPrefix(text("request_uri"), "/closed/"),
		"a header": text("HTTP_X_DEBUG") == "1",
		"a type":   text("CONTENT_TYPE") == "application/xml" || text("HTTP_CONTENT_TYPE") == "application/xml",
		"a method": text("REQUEST_METHOD") == "DELETE" || strings.EqualFold(text("HTTP_X_HTTP_METHOD_OVERRIDE"), "delete"),
		"an agent": strings.Contains(agent, "scrapy") || agent == "badbot",
		"a host":   host == "closed.test" || strings.HasSuffix(host, ".closed.test"),
	} {
		if is {
			what = append(what, name)
		}
	}
	return what
}

// attempts are request lines and headers, "\n" between them.
func attempts() []string {
	list := []string{
		"GET /env.php\nHost: closed.test", "GET /env.php\nHost: CLOSED.test.:80", "GET /env.php\nHost: a.closed.test", "GET /env.php\nHost: closed.test..",
		"GET http://closed.test/env.php", "DELETE /env.php", "GET /env.php\nUser-Agent: x\nUser-Agent: Scrapy", "GET /env.php\nUser-Agent: badbot",
	}
	for _, path := range []string{
		"/pathinfo/page.php", "/pathinfo/page.php/", "/pathinfo/page.php/x", "/pathinfo/page.php/../page.php", "/pathinfo/%70age.php", "/pathinfo//page.php",
		"//pathinfo/page.php", "/x/../pathinfo/page.php", "/pathinfo%2fpage.php", "/pathinfo/page%2ephp", "/pathinfo/page.php?x", "/pathinfo/page.php/index.php",
		"/env.php/../pathinfo/page.php", "/pathinfo/page.php/x.php", "/pathinfo/", "/pathinfo//", "/pathinfo/.", "/pathinfo/index.php/", "/pathinfo/x/..",
		"/index.php/closed", "/index.php/closed/a", "/index.php//closed/a", "/index.php/index.php/closed/a", "/index.php/%63losed/a", "/x/../index.php/closed", "//index.php/closed",
		"/closed/../open", "/closed/..", "/closed/%2e%2e/open", "/closed/..%2fopen", "/closed/./../open",
	} {
		list = append(list, "GET "+path)
	}
	for name, value := range map[string]string{"X-Debug": "1", "Content-Type": "application/xml", "X-HTTP-Method-Override": "DELETE", "User-Agent": "badbot"} {
		for _, lines := range []string{"%[1]s: %[2]s", "%[1]s: x\n%[1]s: %[2]s", "%[1]s: %[2]s\n%[1]s: x", "%[1]s:\n%[1]s: %[2]s", "%[1]s: %[2]s\n%[1]s:", "%[1]s: %[2]s\n%[1]s: %[2]s", "%[1]s:\t %[2]s "} {
			list = append(list, "GET /env.php\n"+fmt.Sprintf(lines, name, value))
		}
	}
	return list
}

// What a rule refuses does not reach PHP by any spelling: judged by what PHP
// itself says that it got, behind each kind of upstream.
func TestNoSpellingReachesPHPPastItsRule(t *testing.T) {
	pool := startPHP(t, 2)
	for name, upstream := range map[string]string{
		"path": inFrontOf(pool), "try": strings.Replace(inFrontOf(pool), "script: path", "script: try", 1), "nginx": inFrontOfNginx(t, pool),
	} {
		t.Run(name, func(t *testing.T) {
			g := startGate(t, upstream, closed)
			for _, text := range attempts() {
				c := g.dial(t)
				line, header, _ := strings.Cut(text, "\n")
				if !strings.Contains(text, "Host:") {
					header += "\nHost: open.test"
				}
				head := line + " HTTP/1.1\n" + strings.Trim(header, "\n") + "\nCookie: PHPSESSID=one\nConnection: close\n\n"
				c.write(t, strings.ReplaceAll(head, "\n", "\r\n"))
				a := c.answer(t)
				if a.status != http.StatusOK {
					continue
				}
				var env map[string]any
				if err := json.Unmarshal([]byte(a.body), &env); err != nil {
					t.Errorf("%q: %v in %q", text, err, a.body)
				}
				if what := reached(env); what != nil {
					t.Errorf("%q reaches %q", text, what)
				}
			}
		})
	}
}
