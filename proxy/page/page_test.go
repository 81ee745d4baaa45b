package page

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func content(retryAfter int) Content {
	return Content{Status: 429, Title: "One moment", Detail: "It is full.", Reason: "session_full", RetryAfter: retryAfter, RequestID: "abc"}
}

func TestTheOwnPageSaysWhatHappenedAndComesAgain(t *testing.T) {
	html := string(Default().HTML(content(7)))
	for _, want := range []string{
		"<h1>One moment</h1>", "<p>It is full.</p>", "429 session_full", `<meta http-equiv="refresh" content="7">`,
		`<script data-seconds="7">`, reloadScript, `<span data-reload-seconds>7</span>`, `lang="en"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q in\n%s", want, html)
		}
	}
	if len(html) > 4<<10 {
		t.Errorf("the page has %d bytes", len(html))
	}
	for _, outside := range []string{"http:", "https:", "src=", "url("} {
		if strings.Contains(html, outside) {
			t.Errorf("the page has %q: it must need nothing from elsewhere", outside)
		}
	}
}

func TestAPageDoesNotComeAgainWhereThatMakesNoSense(t *testing.T) {
	html := string(Default().HTML(content(0)))
	for _, never := range []string{"<script", "refresh", "data-reload-seconds", "again"} {
		if strings.Contains(html, never) {
			t.Errorf("found %q in\n%s", never, html)
		}
	}
	if !strings.Contains(html, "request abc") {
		t.Errorf("the request's id is missing in\n%s", html)
	}
}

func TestThePolicyAllowsTheReloadAndTheOwnStyleOnly(t *testing.T) {
	html := string(Default().HTML(content(7)))
	_, rest, _ := strings.Cut(html, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	_, rest, _ = strings.Cut(html, `<script data-seconds="7">`)
	script, _, _ := strings.Cut(rest, "</script>")
	for _, want := range []string{"default-src 'none';", "script-src " + hash(script) + ";", "style-src " + hash(style) + ";", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(Default().Policy(), want) {
			t.Errorf("no %q in %q", want, Default().Policy())
		}
	}
}

func TestATemplateOfAnOperatorIsEscapedAndKnowsItsFields(t *testing.T) {
	p, err := Parse("p.html", []byte(`<a title="{{.Detail}}">{{.Status}} {{.Title}} {{.Reason}} {{.RetryAfter}} {{.RequestID}}</a><script>var x = {{.Detail}}</script>`))
	if err != nil {
		t.Fatal(err)
	}
	c := content(3)
	c.Detail, c.RequestID = `"><script>alert(1)</script>`, "<b>"
	want := `<a title="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">429 One moment session_full 3 &lt;b&gt;</a><script>var x = "\"\u003e\u003cscript\u003ealert(1)\u003c/script\u003e"</script>`
	if got := string(p.HTML(c)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if p.Reloads() || !Default().Reloads() {
		t.Error("Reloads does not say whether {{.Reload}} is used")
	}
}

func TestABadTemplateIsToldWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "p.html is empty",
		"\xff":                         "p.html is not UTF-8",
		strings.Repeat("x", MaxSize+1): "p.html is larger than 256 KiB",
		"<p>\n{{.Titel}}":              "p.html:2: <.Titel>: there is no .Titel; there are .Status, ",
		"<p>\n\n{{.Title}":             `p.html:3: bad character U+007D '}'`,
		"{{if .RetryAfter}}\n\n":       "p.html:3: unexpected EOF",
		"\n{{shout .Title}}":           `p.html:2: function "shout" not defined`,
		"\n<p>{{template \"foot\"}}":   `p.html:2: no such template "foot"`,
		"{{if .RetryAfter}}<a href='{{end}}{{.Title}}":      "p.html:1: {{if}} branches end in different contexts",
		"<p>{{range 300000}}x{{end}}":                       "the page is larger than 256 KiB once it is filled in",
		"{{if eq .Status 403}}\n{{index .Title 99}}{{end}}": "p.html:2: <index .Title 99>: error calling index: ",
	} {
		_, err := Parse("p.html", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "p.html") || strings.Contains(err.Error(), "template: ") {
			t.Errorf("%.50q: got %v, want %q", text, err, want)
		}
	}
}

func TestATemplateThatFailsLaterGivesWayToTheOwnPage(t *testing.T) {
	p, err := Parse("p.html", []byte(`{{if eq .Status 418}}{{index .Title 99}}{{end}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := content(0)
	c.Status = 418
	if got := string(p.HTML(c)); got != string(Default().HTML(c)) {
		t.Errorf("got %q", got)
	}
}

func TestAPageIsRenderedOnceUnlessItShowsTheRequest(t *testing.T) {
	p, err := Parse("p.html", []byte(`{{.Detail}}{{if not .RetryAfter}}{{.RequestID}}{{end}}`))
	if err != nil {
		t.Fatal(err)
	}
	same := func(c Content) bool {
		first := p.HTML(c)
		c.RequestID = "def"
		return &first[0] == &p.HTML(c)[0]
	}
	if !same(content(7)) || same(content(0)) {
		t.Error("rendered again, or shown to another request")
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	p, err := Parse("p.html", []byte(`{{.Detail}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := content(1)
	for i := range 100 {
		c.Detail = fmt.Sprintf("%d %s", i, strings.Repeat("x", 100<<10))
		if got := string(p.HTML(c)); got != c.Detail {
			t.Fatalf("got %.20q", got)
		}
		if p.rendered.size > maxKept || len(p.rendered.pages) == 0 {
			t.Fatalf("%d pages of %d bytes are kept", len(p.rendered.pages), p.rendered.size)
		}
	}
}

func BenchmarkHTML(b *testing.B) {
	for b.Loop() {
		Default().HTML(content(7))
	}
}

func TestTheTemplateOfTheOperationsPageWorks(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```html\n")
	sample, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/operations.md shows no template")
	}
	p, err := Parse("operations.md", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if html := string(p.HTML(content(7))); !p.Reloads() || !strings.Contains(html, "<span data-reload-seconds>7</span>") {
		t.Errorf("got\n%s", html)
	}
	for _, field := range []string{"Status", "Title", "Detail", "Reason", "RetryAfter", "RequestID", "Reload"} {
		if !strings.Contains(string(text), "`{{."+field+"}}`") {
			t.Errorf("docs/operations.md does not name %s", field)
		}
	}
}
