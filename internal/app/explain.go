package app

import (
	"bufio"
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/botua"
	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/rules"
	"github.com/sessiongate/sessiongate/lockstore"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/session"
)

// Explanation is what a gate would do with a request, and why, for people and,
// as JSON, for programs.
type Explanation struct {
	Request ExplainedRequest  `json:"request"`
	Rule    string            `json:"rule"`              // that decides; "" none
	Rules   []ExplainedRule   `json:"rules"`             // that were asked, in their order
	Refusal *ExplainedRefusal `json:"refusal,omitempty"` // what is answered at once
	Answer  string            `json:"answer,omitempty"`  // with what the gate answers before rules are asked; "" it does not
	Policy  []Setting         `json:"policy"`            // what holds for the request
	Limits  []ExplainedLimit  `json:"limits"`            // the rate limits that hold
	Caps    []ExplainedCap    `json:"concurrency"`       // the bounds on requests at once that hold
}

// ExplainedRequest is the request as the gate sees it.
type ExplainedRequest struct {
	Method    string   `json:"method"`
	Host      string   `json:"host"`
	Target    string   `json:"target"`
	Path      string   `json:"path"`                  // as rules see it; "" where they are not asked
	Others    []string `json:"other_paths,omitempty"` // as the path reads behind another index_script
	Client    string   `json:"client"`                // behind trusted proxies; "" it has no address
	Session   string   `json:"session"`               // hash of the session id, as in the log; "" no session
	UserAgent string   `json:"user_agent"`
	Bot       bool     `json:"bot"` // the user agent is a known crawler's
}

// ExplainedRule is what became of one rule.
type ExplainedRule struct {
	Name    string          `json:"name"`
	Key     string          `json:"key"` // rules[0]
	Matches bool            `json:"matches"`
	Counted bool            `json:"only_counted,omitempty"` // it would refuse and is not enforced: those behind it decide
	Misses  []ExplainedMiss `json:"misses,omitempty"`
}

// ExplainedMiss is a field of a match that did not hold.
type ExplainedMiss struct {
	Field string   `json:"field"`
	Want  []string `json:"want"` // one of these
	Found string   `json:"found"`
}

// ExplainedRefusal is an answer of the gate's own.
type ExplainedRefusal struct {
	Status int    `json:"status"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Explain says what a gate with this configuration would do with a request. raw
// is the request's text up to the empty line, as a client at that address would
// send it. Nothing is listened on, connected to or written.
func Explain(c *config.Config, raw string, client netip.Addr) (*Explanation, error) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		// net/http answers it in the same way, before there is a request.
		e := newExplanation()
		e.Refusal = &ExplainedRefusal{Status: http.StatusBadRequest, Reason: string(proxy.ReasonBadRequest), Detail: err.Error()}
		return e, nil
	}
	r.RemoteAddr = netip.AddrPortFrom(client, 1024).String()
	gate, err := newExplainer(c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = gate.Close(context.Background()) }() // nothing is under way
	agent := strings.Join(r.Header["User-Agent"], ", ")
	e := newExplanation()
	if e.Answer = answered(c, r); e.Answer != "" {
		e.Request = ExplainedRequest{Method: r.Method, Host: r.Host, Target: r.RequestURI, Client: client.String(), UserAgent: agent, Bot: botua.New().IsBot(agent)}
		return e, nil
	}
	found := gate.Explain(r)
	e.Request = ExplainedRequest{
		Method: r.Method, Host: r.Host, Target: r.RequestURI, Path: found.Path, UserAgent: agent, Bot: botua.New().IsBot(agent),
	}
	for _, other := range found.Others {
		e.Request.Others = append(e.Request.Others, other.Path)
	}
	if found.Client.Addr.IsValid() {
		e.Request.Client = found.Client.Addr.String()
	}
	if found.Session != (lockstore.Key{}) {
		e.Request.Session = found.Session.String()
	}
	if r := found.Refusal; r != nil {
		e.Refusal = &ExplainedRefusal{Status: r.Status, Reason: string(r.Reason), Detail: r.Detail}
	}
	if found.Policy != nil {
		e.decided(c, found.Policy, found.Verdicts)
	}
	return e, nil
}

// answered is about what comes before the gate's own handler, as in App.handler.
func answered(c *config.Config, r *http.Request) string {
	switch {
	case r.Method == http.MethodOptions && r.RequestURI == "*":
		return "with 200: it asks about the server, and about no page of it"
	case c.Server.ReadyPath != "" && r.URL.Path == c.Server.ReadyPath:
		return "with 200 or 503: server.ready_path is asked whether it is ready"
	}
	return ""
}

// newExplainer is a gate with what a decision needs, and nothing to serve with.
func newExplainer(c *config.Config) (*proxy.Gate, error) {
	compiled, err := compileRules(c)
	if err != nil {
		return nil, err
	}
	secret, err := c.Session.HashKey()
	if err != nil {
		return nil, err
	}
	upstreams := make([]*proxy.Upstream, len(c.Upstreams))
	for i := range c.Upstreams {
		upstreams[i] = decidedUpstream(&c.Upstreams[i])
		upstreams[i].Servers = balance.New(balance.Options{})
	}
	return proxy.New(proxy.Parts{
		Keys:    session.NewHasher(secret),
		Metrics: proxy.NewMetrics(prometheus.NewRegistry()),
		Log:     zerolog.Nop(),
	}, proxy.Setup{Rules: compiled, Upstreams: upstreams, Clients: clientip.New(c.Server.TrustedProxies)}), nil
}

func (e *Explanation) decided(c *config.Config, p *rules.Policy, verdicts []rules.Verdict) {
	e.Rule = p.Rule
	for i, v := range verdicts {
		rule := ExplainedRule{Name: v.Rule, Key: ruleKey(i), Matches: v.Matches, Counted: v.Matches && i != p.Number-1}
		for _, m := range v.Misses {
			rule.Misses = append(rule.Misses, ExplainedMiss{Field: m.Field.String(), Want: m.Want, Found: m.Found})
		}
		e.Rules = append(e.Rules, rule)
	}
	e.Policy = settingsOf(c, p)
	if !p.Reject || p.Shadow {
		e.Limits, e.Caps = limitsNamed(c, p.Limits), capsNamed(c, p.Concurrency)
		e.apply()
		if p.Shadow {
			e.onlyCount()
		}
	}
}

// newExplanation has lists that are empty in JSON, and not null.
func newExplanation() *Explanation {
	return &Explanation{Rules: []ExplainedRule{}, Policy: []Setting{}, Limits: []ExplainedLimit{}, Caps: []ExplainedCap{}}
}
