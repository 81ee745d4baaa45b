package proxy

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/sessiongate/sessiongate/internal/rules"
)

func TestOneReadingOfHeaders(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"X-A", []string{"b"}, "b"},
		{"X-A", []string{" \tb \t"}, "b"},
		{"X-A", []string{"b c"}, "b c"},
		{"X-A", []string{"b ", "\tc"}, "b, c"},
		{"X-A", []string{"b", ""}, "b,"},
		{"X-A", []string{"", "b"}, ", b"},
		{"X-A", []string{""}, ""},
		{"Cookie", []string{"a=b ", "c=d"}, "a=b; c=d"},
		{"Cookie", []string{"PHPSESSID=abc\t", ""}, "PHPSESSID=abc;"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header = http.Header{tc.name: slices.Clone(tc.lines)}
		oneReading(r)
		if want := (http.Header{tc.name: {tc.want}}); !maps.EqualFunc(r.Header, want, slices.Equal) {
			t.Errorf("%s: %q: got %q, want %q", tc.name, tc.lines, r.Header, want)
		}
	}
}

func TestOneReadingOfPaths(t *testing.T) {
	for target, want := range map[string]string{
		"/a": "/a", "/a%2fb": "/a%2fb", "/a%2Fb": "/a%2Fb", `/a%2fb"`: "/a%2fb%22", "/a%2fb|": "/a%2fb%7C", "/a%2f\xe4": "/a%2f%E4", `/a"`: "/a%22", "/%61": "/%61",
		"/a[1]%2f": "/a[1]%2f", "/a%2f^`{}<>\\": "/a%2f%5E%60%7B%7D%3C%3E%5C", "/ä": "/%C3%A4", "/a!$&'()*+,;=:@-._~%2f": "/a!$&'()*+,;=:@-._~%2f",
	} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		decoded := u.Path
		oneReading(&http.Request{URL: u})
		if got := u.EscapedPath(); got != want || u.Path != decoded {
			t.Errorf("%q: got %q, %q, want %q", target, got, u.Path, want)
		}
	}
}

// Over HTTP/2, and behind a folded line, net/http leaves blanks where they are.
func TestBlanksAroundACookieAreNoWayPastTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stagehand
		b := newBench(t, s.php)
		for _, cookie := range []string{"PHPSESSID=abc", "PHPSESSID=abc ", "PHPSESSID=abc\t", " PHPSESSID=abc"} {
			b.send("GET", "", "Cookie", cookie)
		}
		synctest.Wait()
		b.want("at PHP", s.running(), 1)
		for range 4 {
			s.let(ok(""))
			synctest.Wait()
		}
	})
}

func TestBlanksAroundAHeaderAreNoWayPastARule(t *testing.T) {
	var s stagehand
	b := newBench(t, s.php)
	set, err := rules.Compile(rules.Policy{Upstream: "php", Status: http.StatusForbidden}, []rules.Rule{
		{Name: "debug", Match: rules.Match{Header: []rules.NameValue{{Name: "X-Debug", Value: "1"}}}, Reject: new(true)},
		{Name: "agent", Match: rules.Match{UserAgent: []string{"BadBot/1.0"}}, Reject: new(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.useRules(set)
	for name, value := range map[string]string{"X-Debug": "1 ", "User-Agent": "BadBot/1.0\t"} {
		v := b.send("GET", "", name, value)
		<-v.done
		v.wantStatus(t, http.StatusForbidden, ReasonRule)
	}
}

// HTTP/2 lets methods and targets come that no line of HTTP/1.1 could have.
func TestMethodsAndTargetsOfOtherFormsAreRefused(t *testing.T) {
	for _, tc := range []struct{ method, target string }{
		{"DELETE ", "/a"},
		{" GET", "/a"},
		{"GET /ADMIN HTTP/1.1", "/a"},
		{"GET\t/ADMIN", "/a"},
		{"GÄT", "/a"},
		{"G\x00T", "/a"},
		{"", "/a"},
		{"GET", "/a?x HTTP/1.1"},
		{"GET", "/a b"},
		{"GET", "/a?\tb"},
		{"GET", "/a?b\x7f"},
	} {
		var s stagehand
		b := newBench(t, s.php)
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor = tc.method, tc.target, "HTTP/2.0", 2, 0
		if u, err := url.ParseRequestURI(tc.target); err == nil {
			r.URL = u
		}
		w := httptest.NewRecorder()
		b.gate.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%q %q: status %d", tc.method, tc.target, w.Code)
		}
	}
}
