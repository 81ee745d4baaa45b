package fastcgi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sessiongate/sessiongate/proxy/dial"
)

// Param is a CGI variable that the configuration sets for every request.
type Param struct{ Name, Value string }

// Options says where PHP-FPM is and what it runs.
type Options struct {
	// Address is "host:port" or "unix:/path".
	Address string
	// ConnectTimeout bounds the making of a connection; 0: no limit but the
	// request's context.
	ConnectTimeout time.Duration
	// Root is the document root as PHP sees it.
	Root string
	// Script finds the script; nil: always /index.php.
	Script *Resolver
	// Params win over every variable made from the request. No name twice.
	Params []Param
	// ServerSoftware is SERVER_SOFTWARE; "" is "sessiongate".
	ServerSoftware string
	// Stderr gets what PHP writes to STDERR, line by line, at most 100 lines a
	// request and 8 KiB a line. It is called on the goroutine that reads the
	// response, with the request, which it may only read. nil drops the lines.
	Stderr func(req *http.Request, line string)
	// MaxHeaderBytes bounds the response header; 0 is 1 MiB.
	MaxHeaderBytes int
	// DialContext replaces the connection's making; nil is net.Dialer's.
	DialContext func(ctx context.Context, network, target string) (net.Conn, error)
}

const defaultMaxHeaderBytes = 1 << 20

// Transport is an http.RoundTripper to one PHP-FPM address. It keeps no
// connections and may be used by many goroutines.
type Transport struct {
	dialer     *dial.Dialer
	root       string
	script     *Resolver
	fixed      map[string]struct{} // names in Options.Params
	fixedPairs []byte              // variables that are the same for every request, encoded
	stderr     func(req *http.Request, line string)
	maxHeader  int
}

// New checks the options. It makes no connection: the server may be down.
func New(opts Options) (*Transport, error) {
	d, err := dial.New(opts.Address, opts.ConnectTimeout)
	if err != nil {
		return nil, fmt.Errorf("fastcgi: %w", err)
	}
	if opts.DialContext != nil {
		d.Dial = opts.DialContext
	}
	t := &Transport{
		dialer:    d,
		root:      strings.TrimRight(opts.Root, "/"),
		script:    opts.Script,
		stderr:    opts.Stderr,
		maxHeader: opts.MaxHeaderBytes,
	}
	if t.maxHeader <= 0 {
		t.maxHeader = defaultMaxHeaderBytes
	}
	if t.script == nil {
		if t.script, err = NewResolver(ScriptFront, "", ""); err != nil {
			return nil, err
		}
	}
	if err := t.fix(opts); err != nil {
		return nil, err
	}
	return t, nil
}

// SetConnectTimeout sets Options.ConnectTimeout for connections that are begun from
// now on.
func (t *Transport) SetConnectTimeout(timeout time.Duration) { t.dialer.SetTimeout(timeout) }

// fix encodes the variables that no request changes.
func (t *Transport) fix(opts Options) error {
	software := opts.ServerSoftware
	if software == "" {
		software = "sessiongate"
	}
	own := []Param{
		{"GATEWAY_INTERFACE", "CGI/1.1"},
		{"SERVER_SOFTWARE", software},
		{"DOCUMENT_ROOT", t.root},
		{"REDIRECT_STATUS", "200"}, // PHP built with force-cgi-redirect asks for it
	}
	if len(opts.Params) > 0 {
		t.fixed = make(map[string]struct{}, len(opts.Params))
	}
	for _, param := range opts.Params {
		if param.Name == "" || !clean(param.Name) || !clean(param.Value) {
			return fmt.Errorf("fastcgi: params: %q = %q: want a name, and neither NUL nor line ends", param.Name, param.Value)
		}
		if _, twice := t.fixed[param.Name]; twice {
			return fmt.Errorf("fastcgi: params: %s is set twice", param.Name)
		}
		t.fixed[param.Name] = struct{}{}
	}
	for _, param := range own {
		if _, ok := t.fixed[param.Name]; !ok {
			t.fixedPairs = appendPair(t.fixedPairs, param.Name, param.Value)
		}
	}
	for _, param := range opts.Params {
		t.fixedPairs = appendPair(t.fixedPairs, param.Name, param.Value)
	}
	if len(t.fixedPairs) > maxContent {
		return fmt.Errorf("fastcgi: params: %d bytes in all, at most %d fit", len(t.fixedPairs), maxContent)
	}
	return nil
}

// RoundTrip sends a request and returns when the response header is complete.
// Where that header is bad the error is an *UnfinishedError: PHP runs on.
// The request's body must have a known length; its Close may be called while a
// Read is under way, as with net/http's Transport. The body of the response is
// a *Body.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	return roundTrip(newExchange(t, req))
}

func roundTrip(x *exchange) (*http.Response, error) {
	req := x.req
	header, err := x.begin()
	if bad := (*badHeaderError)(nil); errors.As(err, &bad) {
		rest := newBody(x, http.MethodHead, responseHeader{length: -1})
		return nil, &UnfinishedError{Err: bad.error, body: rest}
	}
	if err != nil {
		x.release()
		return nil, err
	}
	body := newBody(x, req.Method, header)
	return &http.Response{
		Status:        statusLine(header),
		StatusCode:    header.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header.fields,
		Body:          body,
		ContentLength: contentLength(req.Method, header),
		Request:       req,
	}, nil
}

// Close gives the script resolver's view of the files back. Nothing may be under
// way.
func (t *Transport) Close() error { return t.script.Close() }

func statusLine(h responseHeader) string {
	reason := h.reason
	if reason == "" {
		reason = http.StatusText(h.status)
	}
	return strconv.Itoa(h.status) + " " + reason
}

// contentLength follows http.Response: what is declared, also for HEAD; -1
// where it is unknown.
func contentLength(method string, h responseHeader) int64 {
	if h.length < 0 && method != http.MethodHead && isBodyless(h.status) {
		return 0
	}
	return h.length
}

func isBodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}
