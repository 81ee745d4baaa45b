package http

import (
	"fmt"
	"strconv"
	"strings"
)

// scenario is what is sent, and what must become of it.
type scenario struct {
	name string
	send string // byte for byte
	// says is what the backend answers, byte for byte, before it closes the
	// connection: over FastCGI what stands in STDOUT. "" is an ordinary answer.
	says string
	// hangUp: the client closes its sending side behind what it has sent.
	hangUp bool
	only   protocol // the backends that this is about; "" both
	// relayed: a proxy that the server trusts has passed the request on, and has
	// added header lines to those of its client.
	relayed bool

	replies []reply // in their order; none: the connection is closed without an answer
	end     end
	seen    []request // what the backend has got; none: nothing
	session string    // the id of the session that the gate has locked; noSession; "" is not looked at
}

type protocol string

const (
	overHTTP    protocol = "http"
	overFastCGI protocol = "fastcgi"
)

const noSession = "-"

// end is what becomes of the connection behind the last reply.
type end bool

const (
	stays  end = false // another request is answered on it
	closes end = true
)

// reply is an answer as it must come. Header lines are compared byte for byte;
// "-Name" is one that must not be there. Others may be there besides.
type reply struct {
	status string // the whole line: "HTTP/1.1 200 OK"
	header []string
	body   string // whole
	begins string // instead of body: how it begins
	cut    bool   // the connection ended in the middle of the body
}

// request is what a backend must have got, or has got. Header lines are as in
// reply, with names in lower case: FastCGI has but one case.
type request struct {
	line   string // "GET /a?b", the target as it came
	host   string
	header []string
	body   string
}

func (r request) String() string {
	return fmt.Sprintf("%s, Host %q, body %q", r.line, r.host, clip(r.body))
}

// okay is the ordinary answer of the backend.
const okay = "hello"

var ok = reply{status: "HTTP/1.1 200 OK", header: []string{"Content-Length: 5", "Content-Type: text/plain"}, body: okay}

// refused is the answer of a gate that has understood the request well enough to
// say why it is not served.
func refused(status, reason string) reply {
	return reply{
		status: "HTTP/1.1 " + status, header: []string{"Content-Type: text/plain; charset=utf-8", "Cache-Control: no-store"},
		begins: status + "\nreason: " + reason + "\n",
	}
}

// rejected is the answer to what is no HTTP, or too much of it. It tells nothing,
// and the connection ends: nobody knows where the next request would begin.
func rejected(status string) reply {
	return reply{
		status: "HTTP/1.1 " + status, header: []string{"Connection: close", "Content-Type: text/plain; charset=utf-8", "-Content-Length", "-X-Request-Id"},
		begins: status,
	}
}

// What net/http says.
var (
	badRequest = rejected("400 Bad Request")
	badName    = rejected("400 Bad Request: invalid header name")
	badHost    = rejected("400 Bad Request: malformed Host header")
	noHost     = rejected("400 Bad Request: missing required Host header")
	badVersion = rejected("505 HTTP Version Not Supported: unsupported protocol version")
)

// theUpstreams stands for the address of the backend, where that is the Host.
const theUpstreams = "(the upstream's)"

// get is a request without a body. Lines are further lines of the header.
func get(target string, lines ...string) string { return message("GET "+target, "", lines) }

// post is a request whose body has a length.
func post(target, body string, lines ...string) string {
	return message("POST "+target, body, append([]string{fmt.Sprint("Content-Length: ", len(body))}, lines...))
}

// framed is a POST to /a whose header lines say how long its body is.
func framed(body string, lines ...string) string { return message("POST /a", body, lines) }

func message(line, body string, lines []string) string {
	head := line + " HTTP/1.1\r\nHost: gate.test\r\n"
	for _, l := range lines {
		head += l + "\r\n"
	}
	return head + "\r\n" + body
}

// saw is a request that came through to gate.test.
func saw(line string, header ...string) []request {
	return []request{{line: line, host: "gate.test", header: header}}
}

// sawBody is a POST to /a that came through with a body.
func sawBody(body string) []request {
	return []request{{line: "POST /a", host: "gate.test", body: body}}
}

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:200], len(s))
}

// all is every scenario. Names are unique: they stand in docs/http.md.
func all() []scenario {
	var list []scenario
	for _, some := range [][]scenario{
		lengthScenarios(), codingScenarios(), chunkScenarios(), lineScenarios(), fieldScenarios(), targetScenarios(), hostScenarios(), pathScenarios(),
		poseScenarios(), hopScenarios(), relayedScenarios(), cookieScenarios(), methodScenarios(), versionScenarios(), sequenceScenarios(), limitScenarios(),
		answerScenarios(), pageScenarios(),
	} {
		list = append(list, some...)
	}
	return list
}

func (s *scenario) runsOver(p protocol) bool { return s.only == "" || s.only == p }

// of chooses the server that it is played to: one that faces clients, or one
// that trusts a proxy in front.
func (s *scenario) of(open, relays *server) *server {
	if s.relayed {
		return relays
	}
	return open
}

// repeat is a string many times over, for what is too long to be written out.
func repeat(s string, n int) string { return strings.Repeat(s, n) }

// count is a length in digits.
func count(s string) string { return strconv.Itoa(len(s)) }
