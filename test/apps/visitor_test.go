package apps

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// host is what visitors call the application.
const host = "http://gate.test"

// visitor is a person with a browser: cookies, and forms that are filled in.
type visitor struct {
	*testing.T
	client *http.Client
}

func (s *site) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{T: t, client: &http.Client{Transport: transport, Jar: jar}}
}

// anotherTab has the same cookies and follows no redirects: in which order a
// program follows one and takes a cookie is its own affair.
func (v *visitor) anotherTab() *visitor {
	return &visitor{T: v.T, client: &http.Client{
		Transport:     v.client.Transport,
		Jar:           v.client.Jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is what a visitor sees.
type page struct {
	status int
	url    *url.URL // after redirects
	header http.Header
	text   string
	root   *html.Node
}

// request makes a request for a path, or for a whole URL. Header names and values
// come in turns.
func (v *visitor) request(method, target string, body url.Values, header ...string) *http.Request {
	v.Helper()
	if strings.HasPrefix(target, "/") {
		target = host + target
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(v.Context()), method, target, strings.NewReader(body.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		req.Body, req.ContentLength = nil, 0
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

// send sends a request and follows redirects.
func (v *visitor) send(req *http.Request) (page, error) {
	resp, err := v.client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return page{}, err
	}
	root, err := html.Parse(strings.NewReader(string(text)))
	return page{status: resp.StatusCode, url: resp.Request.URL, header: resp.Header, text: string(text), root: root}, err
}

// start sends a request and goes on; the page comes over the channel.
func (v *visitor) start(req *http.Request) <-chan page {
	seen := make(chan page, 1)
	go func() {
		p, err := v.send(req)
		if err != nil {
			v.Error(err)
		}
		seen <- p
	}()
	return seen
}

// get asks for a page that must be there.
func (v *visitor) get(target string) page {
	v.Helper()
	p, err := v.send(v.request(http.MethodGet, target, nil))
	if err != nil || p.status != http.StatusOK {
		v.Fatalf("%s: %d, %v\n%.2000s", target, p.status, err, p.text)
	}
	return p
}

// submit sends the form with an attribute (its id, say) as a browser would: what
// stands in it, with some fields filled in, and one button pressed.
func (v *visitor) submit(p page, attribute, value string, fill map[string]string) page {
	v.Helper()
	form := p.find("form", attribute, value)
	if form == nil {
		v.Fatalf("%s: no form with %s=%q in\n%s", p.url, attribute, value, p.text)
	}
	fields := fieldsOf(form)
	for name, text := range fill {
		fields.Set(name, text)
	}
	target, err := p.url.Parse(attributeOf(form, "action"))
	if err != nil {
		v.Fatal(err)
	}
	next, err := v.send(v.request(http.MethodPost, target.String(), fields))
	if err != nil || next.status != http.StatusOK {
		v.Fatalf("POST %s: %d, %v\n%.2000s", target, next.status, err, next.text)
	}
	return next
}

// cookie is the value of a cookie that the visitor has; "" none.
func (v *visitor) cookie(name string) string {
	v.Helper()
	at, err := url.Parse(host)
	if err != nil {
		v.Fatal(err)
	}
	for _, c := range v.client.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// find is the first element with an attribute; a value that begins with "~" has
// to stand somewhere in it.
func (p page) find(element, attribute, value string) *html.Node {
	part, inside := strings.CutPrefix(value, "~")
	for node := range p.root.Descendants() {
		if node.Type != html.ElementNode || node.Data != element {
			continue
		}
		if got := attributeOf(node, attribute); got == value || inside && strings.Contains(got, part) {
			return node
		}
	}
	return nil
}

// fieldsOf are the fields of a form that are sent without being touched.
func fieldsOf(form *html.Node) url.Values {
	fields := url.Values{}
	for node := range form.Descendants() {
		name := attributeOf(node, "name")
		if node.Type != html.ElementNode || name == "" {
			continue
		}
		switch node.Data {
		case "input":
			switch attributeOf(node, "type") {
			case "submit", "button", "image", "reset", "checkbox", "radio", "file":
			default:
				fields.Set(name, attributeOf(node, "value"))
			}
		case "textarea":
			fields.Set(name, textOf(node))
		}
	}
	return fields
}

func attributeOf(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(node *html.Node) string {
	var text strings.Builder
	for n := range node.Descendants() {
		if n.Type == html.TextNode {
			text.WriteString(n.Data)
		}
	}
	return text.String()
}
