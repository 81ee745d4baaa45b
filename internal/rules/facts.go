package rules

import (
	"strings"

	"github.com/sessiongate/sessiongate/internal/botua"
)

// facts are found out once for a request, and only when asked for.
type facts struct {
	request *Request
	bots    *botua.Detector
	names   *argumentNames
	query   *arguments

	host      string
	hostKnown bool

	agentKnown bool
	agentLen   int
	agentSpace [agentSpace]byte // in lower case
	agentLong  []byte           // where that is too small

	asked, present uint64 // sessions, by source

	overrides      [maxOverrides]string
	overridden     int
	overridesKnown bool
}

// agentSpace is what a user agent may be long before it has to be allocated in
// lower case.
const agentSpace = 512

// hostName is the host as globs see it.
func (f *facts) hostName() string {
	if !f.hostKnown {
		f.host, f.hostKnown = hostName(f.request.Host), true
	}
	return f.host
}

// hostName drops the port, the brackets of an IPv6 address, dots at the end
// of a fully qualified name, and the case.
func hostName(host string) string {
	if strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host[1:], "]")
		return strings.ToLower(host)
	}
	if name, _, ok := strings.Cut(host, ":"); ok && strings.Count(host, ":") == 1 {
		host = name
	}
	return strings.ToLower(strings.TrimRight(host, "."))
}

// header is the value that the application gets: PHP knows each name once, so
// several lines are joined as they are for it.
func (f *facts) header(name string) (value string, sent bool) {
	if f.request.Header == nil {
		return "", false
	}
	lines := f.request.Header(name)
	switch {
	case len(lines) == 0:
		return "", false
	case len(lines) == 1:
		return lines[0], true
	case name == "Cookie":
		return strings.Join(lines, "; "), true
	}
	return strings.Join(lines, ", "), true
}

func (f *facts) userAgent() string {
	value, _ := f.header("User-Agent")
	return value
}

// lowerAgent is the user agent in lower case; empty where none was sent.
func (f *facts) lowerAgent() []byte {
	if !f.agentKnown {
		f.agentKnown = true
		if sent := f.userAgent(); len(sent) <= agentSpace {
			f.agentLen = len(appendLower(f.agentSpace[:0], sent))
		} else {
			f.agentLong = appendLower(nil, sent)
		}
	}
	if f.agentLong != nil {
		return f.agentLong
	}
	return f.agentSpace[:f.agentLen]
}

// isBot is remembered by the detector, over requests.
func (f *facts) isBot() bool { return f.bots.IsBot(f.userAgent()) }

// hasSession remembers the answers for the first 64 sources.
func (f *facts) hasSession(c *compiled) bool {
	bit := uint64(1) << c.source
	if f.asked&bit != 0 {
		return f.present&bit != 0
	}
	f.asked |= bit
	has := f.request.HasSession != nil && f.request.HasSession(c.policy.Cookie, c.policy.Header)
	if has {
		f.present |= bit
	}
	return has
}
