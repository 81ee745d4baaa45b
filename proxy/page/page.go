package page

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"unicode/utf8"
)

// MaxSize bounds a template, and what becomes of it, in bytes. It is sent to
// everybody who is refused: far less is better.
const MaxSize = 256 << 10

// Content is what there is to say about a refusal. A template has its fields.
type Content struct {
	Status     int    // of the answer: 429
	Title      string // for people, a few words: "One moment, please"
	Detail     string // for people, a sentence
	Reason     string // one word of docs/operations.md: "session_full"
	RetryAfter int    // seconds; 0 where coming again makes no sense
	RequestID  string // "" where there is none
}

// Page is a template with what it was rendered to. It may be used by several
// goroutines at once.
type Page struct {
	template *template.Template
	policy   string
	reloads  bool
	instead  *Page // shown where this one fails; nil: nothing does
	rendered cache
}

//go:embed default.html
var defaultText string

var own = newOwn()

func newOwn() *Page {
	p, err := parse("default.html", []byte(defaultText))
	if err != nil {
		panic(err) // embedded: a defect that every test would meet
	}
	p.policy = ownPolicy(p.HTML(samples[0]))
	return p
}

// Default is the gate's own page.
func Default() *Page { return own }

// samples are contents of every kind, for a template to show what it can.
var samples = []Content{
	{Status: 429, Title: "One moment, please", Detail: "A sample.", Reason: "session_full", RetryAfter: 7, RequestID: "sample"},
	{Status: 503, Title: "One moment, please", Detail: "A sample.", Reason: "store_away", RetryAfter: 60},
	{Status: 403, Title: "Not allowed", Detail: "A sample.", Reason: "rule", RequestID: "sample"},
	{Status: 500, Title: "Something went wrong", Detail: "A sample.", Reason: "internal"},
}

// Parse makes a page of an operator's template. Errors name the file, and the
// line where there is one.
func Parse(file string, text []byte) (*Page, error) {
	p, err := parse(file, text)
	if err != nil {
		return nil, err
	}
	p.policy, p.instead = operatorPolicy(), own
	return p, nil
}

func parse(file string, text []byte) (*Page, error) {
	switch {
	case len(text) > MaxSize:
		return nil, fmt.Errorf("%s is larger than %d KiB", file, MaxSize>>10)
	case len(bytes.TrimSpace(text)) == 0:
		return nil, fmt.Errorf("%s is empty", file)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%s is not UTF-8", file)
	}
	parsed, err := template.New(templateName).Parse(string(text))
	if err != nil {
		return nil, located(file, err)
	}
	p := &Page{template: parsed}
	for _, sample := range samples {
		_, asked, err := p.execute(sample)
		if err != nil {
			return nil, located(file, err)
		}
		p.reloads = p.reloads || asked.reload
	}
	return p, nil
}

// Reloads says whether the page uses {{.Reload}}.
func (p *Page) Reloads() bool { return p.reloads }

// Policy is the Content-Security-Policy to send with the page.
func (p *Page) Policy() string { return p.policy }

// HTML is the page for a content. The bytes are shared and must not be changed.
func (p *Page) HTML(c Content) []byte {
	key := c
	key.RequestID = ""
	if html, ok := p.rendered.find(key); ok {
		return html
	}
	html, asked, err := p.execute(c)
	switch {
	case err == nil && !asked.requestID:
		p.rendered.keep(key, html)
	case err != nil && p.instead != nil:
		return p.instead.HTML(c) // an operator's policy allows all that it has
	}
	return html
}

// view is the content as a template sees it. It notes what was asked for.
type view struct {
	Status     int
	Title      string
	Detail     string
	Reason     string
	RetryAfter int

	id    string
	asked asked
}

// asked is what a template has used.
type asked struct{ requestID, reload bool }

// RequestID is a field for the template.
func (v *view) RequestID() string {
	v.asked.requestID = true
	return v.id
}

// Reload is a field for the template.
func (v *view) Reload() template.HTML {
	v.asked.reload = true
	return reload(v.RetryAfter)
}

func (p *Page) execute(c Content) ([]byte, asked, error) {
	v := &view{Status: c.Status, Title: c.Title, Detail: c.Detail, Reason: c.Reason, RetryAfter: c.RetryAfter, id: c.RequestID}
	var out bounded
	err := p.template.Execute(&out, v)
	return out.Bytes(), v.asked, err
}

var errTooLarge = errors.New("the page is larger than 256 KiB once it is filled in")

// bounded is a buffer that a template cannot grow without end.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > MaxSize {
		return 0, errTooLarge
	}
	return b.Buffer.Write(p)
}
