package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/proxy/page"
)

var sample = Refusal{Status: 429, Reason: ReasonSessionFull, Detail: "Too many <requests>.", RetryAfter: 10 * time.Second}

func written(r *Refusal, req *http.Request, unread bool) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("Set-Cookie", "from=before")
	r.write(w, req, "abc", page.Default(), unread)
	return w
}

func TestEveryFormSaysTheSame(t *testing.T) {
	for accept, media := range map[string]string{
		"text/html": "text/html; charset=utf-8", "application/json": "application/problem+json", "": "text/plain; charset=utf-8",
	} {
		w := written(&sample, requestOf("GET", "Accept: "+accept), false)
		h := w.Header()
		for name, want := range map[string]string{
			"Content-Type": media, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": formVary,
			"Content-Length": strconv.Itoa(w.Body.Len()), "Set-Cookie": "", "Connection": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", accept, name, got, want)
			}
		}
		seconds := h.Get("Retry-After")
		if n, err := strconv.Atoi(seconds); err != nil || n < 10 || n > 16 {
			t.Errorf("%s: Retry-After %q", accept, seconds)
		}
		body := w.Body.String()
		switch media {
		case "application/problem+json":
			want := `{"type":"urn:sessiongate:refusal:session_full","title":"Too Many Requests","status":429,"detail":"Too many \u003crequests\u003e.","reason":"session_full","retry_after":` + seconds + "}\n"
			if body != want {
				t.Errorf("got  %swant %s", body, want)
			}
		case "text/plain; charset=utf-8":
			if want := "429 Too Many Requests\nreason: session_full\nToo many <requests>.\n"; body != want {
				t.Errorf("got %q, want %q", body, want)
			}
		default:
			if !strings.Contains(body, `data-seconds="`+seconds+`"`) || !strings.Contains(body, "Too many &lt;requests&gt;.") {
				t.Errorf("got\n%s", body)
			}
			if csp := h.Get("Content-Security-Policy"); csp != page.Default().Policy() {
				t.Errorf("policy %q", csp)
			}
		}
	}
}

func TestHeadGetsTheHeadersOfAGet(t *testing.T) {
	for _, accept := range []string{"text/html", "application/json", ""} {
		w := written(&sample, requestOf("HEAD", "Accept: "+accept), false)
		if n, _ := strconv.Atoi(w.Header().Get("Content-Length")); n == 0 || w.Body.Len() != 0 {
			t.Errorf("%s: Content-Length %d, %d bytes of body", accept, n, w.Body.Len())
		}
	}
}

func TestAnUnreadBodyClosesTheConnectionInEveryForm(t *testing.T) {
	for _, accept := range []string{"text/html", "application/json", ""} {
		if w := written(&sample, requestOf("GET", "Accept: "+accept), true); w.Header().Get("Connection") != "close" {
			t.Errorf("%s: %v", accept, w.Header())
		}
	}
}

func TestARedirectIsNotNegotiated(t *testing.T) {
	r := Refusal{Status: 301, Reason: ReasonFolder, Detail: "d", Location: "/a/?<b>"}
	w := written(&r, requestOf("GET", "Accept: text/html"), false)
	if h := w.Header(); h.Get("Location") != "/a/?<b>" || h.Get("Vary") != "" || h.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got %v", h)
	}
	if strings.Contains(w.Body.String(), "<b>") {
		t.Errorf("the address is in the body: %q", w.Body)
	}
}

func TestWhatWaitingDoesNotMendSaysNothingOfComingAgain(t *testing.T) {
	for _, r := range []*Refusal{
		tooLarge(1), asRefusal(io.EOF), upstreamRefusal(errBadStatus),
		{Status: 403, Reason: ReasonRule, RetryAfter: retryOf(403)},
	} {
		html := written(r, requestOf("GET", "Accept: text/html"), false)
		if html.Header().Get("Retry-After") != "" || strings.Contains(html.Body.String(), "<script") || strings.Contains(html.Body.String(), "refresh") {
			t.Errorf("%v: comes again: %v\n%s", r, html.Header(), html.Body)
		}
		var got map[string]any
		problem := written(r, requestOf("GET", "Accept: application/json"), false)
		if err := json.Unmarshal(problem.Body.Bytes(), &got); err != nil || got["retry_after"] != nil || got["reason"] != string(r.Reason) {
			t.Errorf("%v: %v %v", r, got, err)
		}
	}
}

func TestEveryStatusHasATitle(t *testing.T) {
	for status := 400; status < 600; status++ {
		if titleOf(status) == "" {
			t.Errorf("%d has none", status)
		}
	}
}

// FuzzRefusal holds what must be true of every refusal, whatever was asked: it
// has exactly one of the three forms, whole and well made, with the same number
// in header and body, and nothing that the client sent stands in it.
func FuzzRefusal(f *testing.F) {
	f.Add("GET", "navigate", "document", "", acceptOfChrome, "/<script>alert(1)</script>?\"'&", int64(7))
	f.Add("POST", "", "", "XMLHttpRequest", acceptOfJQuery, "/cart", int64(0))
	f.Add("HEAD", "cors", "empty", "com.example", "text/html;q=0.5,,;q=,*/*", "/", int64(1<<62))
	f.Add("", "\x00", "\xff", "<b>", "text/html;q=1;q=0,application/json;q=0.9999", "\r\n", int64(-1))
	f.Fuzz(func(t *testing.T, method, mode, dest, requestedWith, accept, path string, delay int64) {
		const mark = "SENT-BY-THE-CLIENT"
		req := requestOf(method, "")
		req.RequestURI, req.Host = mark+path, mark+mode
		req.Header = http.Header{
			"Sec-Fetch-Mode": {mode}, "Sec-Fetch-Dest": {dest}, "X-Requested-With": {requestedWith}, "Accept": {accept, mark},
			"User-Agent": {mark}, "Cookie": {mark + requestedWith}, "Referer": {mark}, "X-Request-Id": {mark},
		}
		r := sample
		r.RetryAfter = time.Duration(delay)
		w := written(&r, req, false)
		body := w.Body.String()
		if strings.Contains(body, mark) {
			t.Fatalf("what the client sent stands in\n%s", body)
		}
		number := w.Header().Get("Retry-After")
		if n, _ := strconv.Atoi(number); (number != "") != (delay > 0) || number != "" && (n < 1 || n > 60) {
			t.Fatalf("Retry-After %q for %v", number, r.RetryAfter)
		}
		if w.Code != r.Status || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("status %d, %v", w.Code, w.Header())
		}
		if method == http.MethodHead {
			if body != "" {
				t.Fatalf("HEAD got %q", body)
			}
			return
		}
		wholeForm(t, w, method, number)
	})
}

// wholeForm expects one of the three forms.
func wholeForm(t *testing.T, w *httptest.ResponseRecorder, method, number string) {
	t.Helper()
	body := w.Body.String()
	switch media := w.Header().Get("Content-Type"); media {
	case "text/plain; charset=utf-8":
		if !strings.HasPrefix(body, "429 Too Many Requests\nreason: session_full\n") {
			t.Fatalf("got %q", body)
		}
	case "application/problem+json":
		var p problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != 429 || p.Reason != sample.Reason || p.RetryAfter != atoi(number) {
			t.Fatalf("got %s %v, Retry-After %q", body, err, number)
		}
	case "text/html; charset=utf-8":
		again := strings.Contains(body, `<script data-seconds="`+number+`">`)
		if method != http.MethodGet || !strings.HasSuffix(body, "</html>\n") || again != (number != "") || strings.Count(body, "<script") > 1 {
			t.Fatalf("%s got, with Retry-After %q,\n%s", method, number, body)
		}
	default:
		t.Fatalf("a form of its own: %s", media)
	}
}

func atoi(text string) int {
	n, _ := strconv.Atoi(text) // "": 0
	return n
}

func BenchmarkRefusal(b *testing.B) {
	for name, lines := range map[string]string{"page": "Accept: " + acceptOfChrome, "problem": "Accept: " + acceptOfJQuery, "plain": "Accept: */*"} {
		req := requestOf("GET", lines)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sample.write(nobody{}, req, "abc", page.Default(), false)
			}
		})
	}
}

// nobody is a client that does not look at answers.
type nobody struct{}

func (nobody) Header() http.Header         { return http.Header{} }
func (nobody) WriteHeader(int)             {}
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
