package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// evasion is a request that tries to be taken for another one. want is the rule
// that must decide, "" for none: then the session is locked. "400" is as good,
// where the request is one that nobody means.
type evasion struct {
	name    string
	request string // line and header, "\n" between them; Host is put in where it is missing
	want    string
}

// evasionRules are what the evasions try to pass or to get into.
func evasionRules() []rules.Rule {
	yes, no, none, reading := true, false, rules.None, []string{"GET", "HEAD"}
	return []rules.Rule{
		{Name: "admin", Match: rules.Match{Path: []string{"/admin", "/admin/**"}}, Reject: &yes},
		{Name: "install", Match: rules.Match{Path: []string{"/install.php", "/up/**.php"}}, Reject: &yes},
		{Name: "private", Match: rules.Match{PathRegex: []string{"(?i)/private(/.*)?"}}, Reject: &yes},
		{Name: "inner", Match: rules.Match{Host: []string{"inner.example"}}, Reject: &yes},
		{Name: "delete", Match: rules.Match{Method: []string{"DELETE"}}, Reject: &yes},
		{Name: "scrapers", Match: rules.Match{UserAgent: []string{"*scrapy*", "*python-requests/*"}}, Reject: &yes},
		{Name: "debug", Match: rules.Match{Query: []rules.NameValue{{Name: "debug", Value: "*"}}}, Reject: &yes},
		{Name: "office", Match: rules.Match{Client: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}},
		{Name: "ajax", Match: rules.Match{Path: []string{"/ajax"}, Method: reading, Header: []rules.NameValue{{Name: "X-Requested-With", Value: "XMLHttpRequest"}}}},
		{Name: "get", Match: rules.Match{Query: []rules.NameValue{{Name: "wc-ajax", Value: "get_*"}}}},
		{Name: "static", Match: rules.Match{Path: []string{"/static/**"}, Method: reading}},
		{Name: "free", Match: rules.Match{Path: []string{"/free/**"}, Method: reading}, Lock: &none},
		{Name: "bots", Match: rules.Match{Path: []string{"/page"}, Bot: &yes, Session: &no}},
		{Name: "guests", Match: rules.Match{Path: []string{"/page"}, Session: &no}},
		{Name: "api", Match: rules.Match{Host: []string{"api.example"}}},
	}
}

// newEvasionBench is a gate in which each rule that forwards has an upstream of
// its own, which answers with its name, and each one that rejects says its name
// by its status.
func newEvasionBench(t *testing.T) (b *bench, status map[string]int) {
	named := func(name string) upstreamFunc {
		return func(*http.Request) (*http.Response, error) {
			return answer(strings.NewReader(name), "Content-Type", "text/plain"), nil
		}
	}
	b = newBench(t, named(""))
	b.upstream().IndexScript = "/index.php"
	upstreams := []*Upstream{b.upstream()}
	list, status := evasionRules(), map[string]int{"400": http.StatusBadRequest}
	for i := range list {
		name, code := list[i].Name, 450+i
		if list[i].Reject != nil {
			list[i].Status, status[name] = &code, code
			continue
		}
		list[i].Upstream = &name
		script := "/index.php"
		if name == "api" {
			script = "/app.php"
		}
		upstreams = append(upstreams, &Upstream{
			Name: name, IndexScript: script, Host: "127.0.0.1:9000", Scripts: true, Servers: balance.New(balance.Options{}, balance.NewServer("127.0.0.1:9000", named(name))),
		})
	}
	set, err := rules.Compile(rules.Policy{Cookie: "PHPSESSID", Upstream: "php"}, list)
	if err != nil {
		t.Fatal(err)
	}
	b.change(func(s *Setup) { s.Rules, s.Upstreams = set, upstreams })
	return b, status
}

func (e evasion) raw() string {
	head := strings.ReplaceAll(e.request, "\n", "\r\n")
	if !strings.Contains(head, "\r\nHost:") {
		head += "\r\nHost: shop.example"
	}
	return head + "\r\nConnection: close\r\n\r\n"
}

// TestNoSpellingSlipsPastItsRule sends every evasion through net/http and the
// gate, and has each explained by the gate, which must say the same.
func TestNoSpellingSlipsPastItsRule(t *testing.T) {
	b, status := newEvasionBench(t)
	server := httptest.NewServer(b.gate)
	defer server.Close()
	all := evasions()
	if len(all) < 100 {
		t.Errorf("%d evasions", len(all))
	}
	for _, e := range all {
		code, body := e.send(t, server.Listener.Addr().String())
		if want := status[e.want]; want != 0 && code != want || want == 0 && (code != http.StatusOK || body != e.want) {
			t.Errorf("%s: %q is answered %d %.40q, want the rule %q", e.name, e.request, code, body, e.want)
		}
		e.explained(t, b.gate, status)
	}
}

func (e evasion) send(t *testing.T, address string) (code int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, e.raw()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	return resp.StatusCode, string(content)
}

func (e evasion) explained(t *testing.T, g *Gate, status map[string]int) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(e.raw())))
	if err != nil {
		if e.want != "400" {
			t.Errorf("%s: %v", e.name, err)
		}
		return
	}
	r.RemoteAddr = "127.0.0.1:1024"
	x := g.Explain(r)
	refused := 0
	if x.Refusal != nil {
		refused = x.Refusal.Status
	}
	if refused != status[e.want] || refused == 0 && x.Policy.Rule != e.want {
		t.Errorf("%s: explained as %+v, refusal %+v, want the rule %q", e.name, x.Policy, x.Refusal, e.want)
	}
}

// tries makes an evasion of each text, put into a pattern.
func tries(name, pattern, want string, texts ...string) []evasion {
	var list []evasion
	for _, text := range texts {
		list = append(list, evasion{fmt.Sprintf("%s %q", name, text), fmt.Sprintf(pattern, text), want})
	}
	return list
}
