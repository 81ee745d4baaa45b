package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Header lines as browsers and clients really send them.
var (
	ofChrome = []string{
		"Upgrade-Insecure-Requests: 1",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
		"Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-User: ?1", "Sec-Fetch-Dest: document",
		"Accept-Encoding: gzip, deflate, br, zstd", "Accept-Language: en-GB,en;q=0.9",
	}
	ofFirefoxWithoutTLS = []string{
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language: en-GB,en;q=0.5",
	}
	ofFetch  = []string{"Accept: */*", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}
	ofJQuery = []string{"Accept: application/json, text/javascript, */*; q=0.01", "X-Requested-With: XMLHttpRequest"}
	ofAxios  = []string{"Accept: application/json, text/plain, */*"}
	ofCurl   = []string{"User-Agent: curl/8.14.1", "Accept: */*"}
)

const (
	page    = "text/html; charset=utf-8"
	problem = "application/problem+json"
	plain   = "text/plain; charset=utf-8"
)

func TestARefusalHasTheFormThatSuitsTheClient(t *testing.T) {
	g := fullLine(t)
	for _, tc := range []struct {
		name, method string
		lines        []string
		media        string
	}{
		{"Chrome", "GET", ofChrome, page},
		{"Firefox without TLS", "GET", ofFirefoxWithoutTLS, page},
		{"HEAD as Chrome", "HEAD", ofChrome, page},
		{"Chrome sends a form", "POST", ofChrome, plain},
		{"fetch", "GET", ofFetch, problem},
		{"fetch with POST", "POST", ofFetch, problem},
		{"jQuery", "GET", ofJQuery, problem},
		{"axios", "DELETE", ofAxios, problem},
		{"curl", "GET", ofCurl, plain},
		{"nothing said", "GET", nil, plain},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := g.dial(t)
			c.ask(t, tc.method, "/trivial.php?q=%3Cscript%3E", "one", tc.lines...)
			a := c.answerTo(t, tc.method)
			a.want(t, 429)
			if got := a.header.Get("Content-Type"); got != tc.media {
				t.Fatalf("got %s, want %s", got, tc.media)
			}
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
				"Vary": "Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With",
			} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if tc.method == "HEAD" {
				if n, _ := strconv.Atoi(a.header.Get("Content-Length")); n == 0 || a.body != "" {
					t.Errorf("Content-Length %d, and %q", n, a.body)
				}
				return
			}
			saysBusy(t, a, tc.media)
		})
	}
}

// answerTo reads a whole answer to a method: that to HEAD has no body.
func (c *conn) answerTo(t *testing.T, method string) answer {
	t.Helper()
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("read the head of the answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body), closes: resp.Close, err: err}
}

// saysBusy expects a refusal in its form, with one number in header and body.
func saysBusy(t *testing.T, a answer, media string) {
	t.Helper()
	seconds := a.header.Get("Retry-After")
	if n, err := strconv.Atoi(seconds); err != nil || n < 1 || n > 60 {
		t.Errorf("Retry-After %q", seconds)
	}
	switch media {
	case page:
		for _, want := range []string{
			"<h1>One moment, please</h1>", "<p>Another request of this session is running.</p>", "429 session_busy",
			`<script data-seconds="` + seconds + `">`, `<meta http-equiv="refresh" content="` + seconds + `">`,
		} {
			if !strings.Contains(a.body, want) {
				t.Errorf("no %q in\n%s", want, a.body)
			}
		}
		if csp := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'sha256-") {
			t.Errorf("policy %q", csp)
		}
	case problem:
		var got map[string]any
		err := json.Unmarshal([]byte(a.body), &got)
		want := fmt.Sprintf("map[detail:Another request of this session is running. reason:session_busy retry_after:%s status:429 title:Too Many Requests type:urn:sessiongate:refusal:session_busy]", seconds)
		if fmt.Sprint(got) != want {
			t.Errorf("got %v, %v, want %s", got, err, want)
		}
	default:
		a.wantRefusal(t, 429, "session_busy")
	}
}

func TestAPageDoesNotComeAgainWhereWaitingMendsNothing(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 1)), "server: {max_body_size: 1KiB}",
		"rules: [{name: no, match: {path: [/no]}, action: reject}, {name: down, match: {path: [/down]}, action: reject, status: 503}]")
	for _, tc := range []struct {
		path   string
		lines  []string
		title  string
		status int
		again  bool
	}{
		{"/no", nil, "This is not allowed", 403, false},
		{"/none.php", nil, "There is no such page", 404, false},
		{"/a%00b", nil, "This request cannot be understood", 400, false},
		{"/trivial.php", []string{"Content-Length: 2000"}, "This is too large", 413, false},
		{"/trivial.php", []string{"Connection: upgrade", "Upgrade: websocket"}, "This is not possible here", 501, false},
		{"/down", nil, "One moment, please", 503, true},
	} {
		c := g.dial(t)
		c.ask(t, "GET", tc.path, "one", append(tc.lines, ofChrome...)...)
		a := c.answer(t).want(t, tc.status)
		if !strings.Contains(a.body, "<h1>"+tc.title+"</h1>") {
			t.Errorf("%s: got\n%s", tc.path, a.body)
		}
		again := strings.Contains(a.body, "<script") && strings.Contains(a.body, "refresh")
		if again != tc.again || again != (a.header.Get("Retry-After") != "") {
			t.Errorf("%s: comes again: %v, Retry-After %q", tc.path, again, a.header.Get("Retry-After"))
		}
	}
}

func TestAnApplicationThatIsAwayIsComeBackTo(t *testing.T) {
	g := startGate(t, "upstream: {protocol: http, servers: [{address: '127.0.0.1:1'}]}")
	c := g.dial(t)
	c.ask(t, "GET", "/", "one", ofChrome...)
	a := c.answer(t).want(t, 502)
	if !strings.Contains(a.body, "502 upstream_error") || !strings.Contains(a.body, `data-seconds="`+a.header.Get("Retry-After")+`"`) {
		t.Errorf("Retry-After %q in\n%s", a.header.Get("Retry-After"), a.body)
	}
}

func TestAPageIsRefusedToHTTP10Too(t *testing.T) {
	g := fullLine(t)
	c := g.dial(t)
	c.write(t, "GET /trivial.php HTTP/1.0\r\nCookie: PHPSESSID=one\r\nAccept: text/html\r\n\r\n")
	a := c.answer(t)
	saysBusy(t, a.want(t, 429), page)
	if !a.closes || a.header.Get("Transfer-Encoding") != "" {
		t.Errorf("got %v", a.header)
	}
	c.awaitClosed(t)
}

func TestAPageOnAnUnreadBodyClosesTheConnection(t *testing.T) {
	g := fullLine(t)
	c := g.dial(t)
	c.ask(t, "GET", "/trivial.php", "one", append([]string{"Content-Length: 100000"}, ofChrome...)...)
	c.write(t, strings.Repeat("x", 100000))
	a := c.answer(t)
	saysBusy(t, a.want(t, 429), page)
	if !a.closes {
		t.Errorf("the connection stays open: %v", a.header)
	}
	c.awaitClosed(t)
}

// The line's length and the turns of late make Retry-After.
func TestRetryAfterGrowsWithTheLineAndTheTurns(t *testing.T) {
	g := startGate(t, inFrontOf(startPHP(t, 2)), "lock: {max_waiting: 9}")
	g.get(t, "/slow.php?ms=500", "one").want(t, 200)
	j, end := newJournal(t), newBarrier(t)
	answers := []<-chan answer{g.start(t, end.page(j, "a"), "one")}
	j.await(t, "begin a")
	for i := 1; i <= 9; i++ {
		answers = append(answers, g.queue(t, j.page("slow", "b", "ms=0"), "one", i))
	}
	a := g.get(t, "/trivial.php", "one").wantRefusal(t, 429, "session_full")
	// Ten turns of half a second and more, then half of that and a second at most.
	if n, _ := strconv.Atoi(a.header.Get("Retry-After")); n < 5 || n > 60 {
		t.Errorf("Retry-After %d", n)
	}
	end.lift(t)
	for _, done := range answers {
		receive(t, done).want(t, 200)
	}
}

func TestOperatorsCanReplaceThePage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.html")
	text := `<html lang="de"><title>Moment</title>{{.Reload}}<p class="{{.Reason}}">{{.Status}}, in {{.RetryAfter}} s</p><i>{{.RequestID}}</i></html>`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g := fullLine(t, fmt.Sprintf("refusals: {page_file: %q}", file))
	c := g.dial(t)
	c.ask(t, "GET", "/trivial.php", "one", ofChrome...)
	a := c.answer(t).want(t, 429)
	seconds := a.header.Get("Retry-After")
	if !strings.Contains(a.body, `<p class="session_busy">429, in `+seconds+` s</p>`) || !strings.Contains(a.body, `data-seconds="`+seconds+`"`) {
		t.Errorf("got\n%s", a.body)
	}
	if id := a.header.Get("X-Request-Id"); len(id) != 32 || !strings.Contains(a.body, "<i>"+id+"</i>") {
		t.Errorf("the request is %q, the page\n%s", id, a.body)
	}
	if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "style-src 'self' 'unsafe-inline'") || strings.Contains(csp, "script-src 'self'") {
		t.Errorf("policy %q", csp)
	}
}
