package proxy

import (
	"net/http"
	"net/netip"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/sessiongate/sessiongate/internal/rules"
)

// decide finds the policy of the first matching rule, and with it the upstream.
func (x *exchange) decide() error {
	if err := x.refuseTarget(); err != nil {
		return err
	}
	if err := x.refuseUnsupported(); err != nil {
		return err
	}
	request, err := x.ruleRequest()
	if err != nil {
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonBadRequest, Detail: "The path of the URL is not valid.", Err: err}
	}
	x.rulePath = request.Path
	x.policy = x.setup.Rules.Decide(&request)
	x.passRefusals(&request)
	x.rule = x.policy.Rule
	if x.policy.Reject {
		return &Refusal{Status: x.policy.Status, Reason: ReasonRule, Detail: "Requests of this kind are not served here.", RetryAfter: retryOf(x.policy.Status)}
	}
	if err := x.chooseUpstream(); err != nil {
		return err
	}
	return x.refuseUpgrade()
}

// ruleRequest is what rules see of the request.
func (x *exchange) ruleRequest() (rules.Request, error) {
	path, others, err := x.readPath()
	return rules.Request{
		Host:       x.r.Host,
		Path:       path.Path,
		AsSent:     path.AsSent,
		Method:     x.r.Method,
		RawQuery:   x.r.URL.RawQuery,
		PathInfo:   path.PathInfo,
		Others:     others,
		Client:     x.client.Addr,
		Header:     x.matchedHeader,
		HasSession: x.hasSession,
	}, err
}

// matchedHeader gives rules the lines of a header that the upstream will get.
func (x *exchange) matchedHeader(name string) []string {
	if !passesUpstream(name, x.client.Trusted) {
		return nil
	}
	return x.r.Header[name]
}

// CanMatchHeader says whether a rule may match a header: only one that some
// client can send and that reaches the upstream as it was sent.
func CanMatchHeader(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return name != "Host" && passesUpstream(name, true)
}

func (x *exchange) hasSession(cookie, header string) bool {
	_, ok := x.sessionID(cookie, header)
	return ok
}

func (x *exchange) chooseUpstream() error {
	name := x.policy.Upstream
	if name == "" {
		name = x.setup.Upstreams[0].Name
	}
	x.upstream = x.setup.upstreams[name]
	if x.upstream == nil {
		return asRefusal(&unknownUpstreamError{rule: x.policy.Rule, upstream: name})
	}
	x.choose(x.upstream)
	return nil
}

// refuseTarget turns request targets away that others read in another way than
// net/url does: "x:http://host/path" has no path here and one elsewhere, and
// what stands behind a "#" is no part of the path for most of the others. A
// target in absolute form is one of a web server's (RFC 9110, section 4.2); and
// without a Host an HTTP upstream would be told its own address instead. Only
// HTTP/1.0 may do without: health checks do.
func (x *exchange) refuseTarget() error {
	u := x.r.URL
	absolute := u.Scheme != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "")
	switch {
	case u.Opaque != "", u.User != nil, absolute, strings.Contains(x.r.RequestURI, "#"):
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonBadRequest, Detail: "The request target is not valid."}
	case strings.ContainsFunc(x.r.RequestURI, func(c rune) bool { return c <= ' ' || c == '\x7f' }): // over HTTP/2 only
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonBadRequest, Detail: "The request target is not valid."}
	case !httpguts.ValidHeaderFieldName(x.r.Method): // a token, too; not looked at over HTTP/2
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonBadRequest, Detail: "The method is not valid."}
	case x.r.Method != strings.ToUpper(x.r.Method):
		// Methods differ by case (RFC 9110, section 9.1), for rules, too; frameworks
		// take "post" for POST.
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonBadRequest, Detail: "Methods are written in capitals."}
	case x.r.Host == "" && x.r.ProtoAtLeast(1, 1):
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonBadRequest, Detail: "The request names no host."}
	case !readAlike(x.r.Host):
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonBadRequest, Detail: "The host's name is not valid."}
	}
	return nil
}

// readAlike says whether a host is the same for rules and for every upstream: a
// name, or an address in brackets, and at most a port behind it (RFC 9112,
// section 3.2). nginx takes "a.test:80:90" for a.test; net/http does not look at
// a host in the target, sends none in place of an odd one, and leaves out the
// zone of an address (RFC 6874, section 4). HTTP/1.0 may do without.
func readAlike(host string) bool {
	if host == "" {
		return true
	}
	port := ""
	if inside, bracketed := strings.CutPrefix(host, "["); bracketed {
		var address string
		address, port, _ = strings.Cut(inside, "]")
		if ip, err := netip.ParseAddr(address); err != nil || !ip.Is6() || ip.Zone() != "" || !strings.Contains(inside, "]") {
			return false
		}
	} else if end := strings.IndexByte(host, ':'); end >= 0 {
		port = host[end:]
	}
	digits, separated := strings.CutPrefix(port, ":")
	return len(port) < len(host) && (separated || port == "") && strings.Trim(digits, "0123456789") == "" && httpguts.ValidHostHeader(host)
}

// refuseUnsupported turns away what no upstream here can do, before the line
// is touched. Extended CONNECT (RFC 8441), by which WebSockets go over HTTP/2,
// is not offered to clients: they open a connection of HTTP/1.1 for them.
func (x *exchange) refuseUnsupported() error {
	if x.r.Method == http.MethodConnect {
		return &Refusal{Status: http.StatusNotImplemented, Reason: ReasonBadRequest, Detail: "CONNECT is not supported: this is a reverse proxy."}
	}
	return nil
}
