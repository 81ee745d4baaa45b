package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sessiongate/sessiongate/internal/docroot"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/dial"
	"github.com/sessiongate/sessiongate/proxy/fastcgi"
	"github.com/sessiongate/sessiongate/proxy/files"
	"github.com/sessiongate/sessiongate/proxy/keepalive"
)

// Upstream is a named pool of servers of one protocol. Nothing of it is changed
// once a setup with it is in use; another setup may have its Servers in another one.
type Upstream struct {
	Name string
	// Servers are where requests go. Each one's transport runs one request, once;
	// a failure with nothing sent is a *dial.Error. Its answer's body ends with
	// io.EOF only when the server is done.
	Servers *balance.Pool
	// Host stands in the URL of a request over HTTP: the server sees it where the
	// client has sent no Host, as HTTP/1.0 allows.
	Host    string
	FastCGI bool
	// Scripts: the URL's path may name scripts (script: try, path; over HTTP), and
	// go on behind them.
	Scripts bool
	// ResponseTimeout bounds the time until the response headers, without waits for
	// slots. 0 is no limit.
	ResponseTimeout time.Duration
	// AbandonedTimeout bounds how long a request lasts that nobody waits for: its
	// client has left, or was answered, and its turn is over. 0 is no limit.
	AbandonedTimeout time.Duration
	// Files are those below its document root that the gate serves; nil: none.
	Files *files.Tree
	// IndexScript is the front controller, "/index.php": rules see paths
	// without it. "" strips nothing.
	IndexScript string

	// Ended is called once, when it is in no setup that is in use and no request
	// goes by it any more, by whoever was the last. nil: nobody asks.
	Ended func()

	pace  *pace // of its requests, while slots are taken
	users users // the setups that it is in, and requests
}

// keepPace has an upstream know how long the requests of its servers took under
// the setup before; nil: there was none.
func (u *Upstream) keepPace(before *setup) {
	if u.pace != nil {
		return // requests of that setup read it
	}
	if before != nil {
		if was := before.upstreams[u.Name]; was != nil && was.Servers == u.Servers {
			u.pace = was.pace
			return
		}
	}
	u.pace = new(pace)
}

// noServer is the error of an upstream that has none.
func noServer(u *Upstream, err error) error { return &dial.Error{Address: u.Name, Err: err} }

// unknownUpstreamError says that a rule names an upstream that is not there;
// internal/config refuses such a file.
type unknownUpstreamError struct{ rule, upstream string }

func (e *unknownUpstreamError) Error() string {
	return fmt.Sprintf("rule %q names upstream %q, which does not exist", e.rule, e.upstream)
}

// Kind classifies upstream errors, as the label of upstream_errors_total.
type Kind string

const (
	KindConnect     Kind = "connect"      // refused or timed out; nothing was sent
	KindOverloaded  Kind = "overloaded"   // FCGI_OVERLOADED
	KindEarlyEOF    Kind = "early_eof"    // broke off before its end
	KindBadResponse Kind = "bad_response" // not to be understood
	KindSilent      Kind = "response_timeout"
	KindFiles       Kind = "local_root" // the scripts cannot be looked at
	KindPanic       Kind = "panic"      // a defect of the gate
	KindOther       Kind = "other"
)

// Kinds lists every kind, for metrics and docs.
func Kinds() []Kind {
	return []Kind{KindConnect, KindOverloaded, KindEarlyEOF, KindBadResponse, KindSilent, KindFiles, KindPanic, KindOther}
}

// errBadStatus is a status that is no final one.
var errBadStatus = errors.New("proxy: the upstream's status is not a final one (200 to 999)")

// errMalformed is an answer that net/http could not read.
var errMalformed = errors.New("proxy: malformed answer")

// withoutContent takes out of net/http's errors what the upstream had written:
// it may be what no log should hold, as a Set-Cookie whose colon was forgotten.
// There is no sentinel to tell these errors by.
func withoutContent(err error) error {
	text := err.Error()
	at := strings.Index(text, "malformed ")
	if at < 0 {
		return err
	}
	if end := strings.IndexAny(text[at:], ":\""); end >= 0 {
		text = text[:at+end]
	}
	return fmt.Errorf("%w (%s)", errMalformed, strings.TrimSpace(text))
}

// errPanic is a panic in a run, turned into an answer.
var errPanic = errors.New("proxy: panic while the request ran")

// kindOf says what an upstream error was.
func kindOf(err error) Kind {
	var op *net.OpError
	var unsent *dial.Error
	switch {
	case errors.As(err, &unsent), errors.As(err, &op) && op.Op == "dial":
		return KindConnect
	case errors.Is(err, fastcgi.ErrOverloaded):
		return KindOverloaded
	case errors.Is(err, docroot.ErrUnreadable):
		return KindFiles
	case errors.Is(err, fastcgi.ErrBadResponse), errors.Is(err, fastcgi.ErrHeaderTooLarge),
		errors.Is(err, fastcgi.ErrRefused), errors.Is(err, errBadStatus), errors.Is(err, errMalformed), errors.Is(err, keepalive.ErrInformational),
		errors.Is(err, errBadSwitch):
		return KindBadResponse
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op):
		return KindEarlyEOF
	case errors.Is(err, errPanic):
		return KindPanic
	}
	return KindOther
}

// shuttingDown answers for a request that the gate's end has cut off.
func shuttingDown() *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: ReasonShuttingDown, Detail: "The gate is shutting down.", RetryAfter: retryDelay}
}

// leaseLost answers for a request that on_lease_lost: abort has cut off: it may
// have taken effect, as one whose connection broke. And for one that was not sent
// yet, whatever on_lease_lost says.
func leaseLost() *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: ReasonLeaseLost, Detail: "The lock on the session was lost.", RetryAfter: retryDelay}
}

// ours says that an error is not the upstream's doing.
func ours(err error) bool {
	return errors.Is(err, fastcgi.ErrNoScript) || errors.Is(err, fastcgi.ErrFolder) ||
		errors.Is(err, fastcgi.ErrParamTooLarge) || errors.Is(err, errClosed) || errors.Is(err, errLeaseLost) || errors.Is(err, errTurnOver) ||
		errors.Is(err, errQueueTimeout)
}

// upstreamRefusal answers for an upstream error that came before any byte of an
// answer.
func upstreamRefusal(err error) *Refusal {
	switch kind := kindOf(err); {
	case errors.Is(err, fastcgi.ErrNoScript):
		return &Refusal{Status: http.StatusNotFound, Reason: ReasonNoScript, Detail: "There is no such page.", Err: err}
	case errors.Is(err, errClosed):
		return shuttingDown()
	case errors.Is(err, errLeaseLost):
		return leaseLost()
	case errors.Is(err, fastcgi.ErrParamTooLarge):
		return &Refusal{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: ReasonHeaderTooLarge, Detail: "A request header is larger than 65,535 bytes.", Err: err}
	case kind == KindOverloaded:
		return &Refusal{Status: http.StatusServiceUnavailable, Reason: ReasonOverloaded, Detail: "The application has no free worker.", RetryAfter: retryDelay, Err: err}
	case kind == KindPanic:
		return asRefusal(err)
	case kind == KindFiles:
		return &Refusal{Status: http.StatusBadGateway, Reason: ReasonUpstreamError, Detail: "The application's files cannot be found.", Err: err}
	case kind == KindConnect:
		return &Refusal{Status: http.StatusBadGateway, Reason: ReasonUpstreamError, Detail: "The application cannot be reached.", RetryAfter: outageDelay, Err: err}
	}
	return &Refusal{Status: http.StatusBadGateway, Reason: ReasonUpstreamError, Detail: "The application did not give a proper answer.", Err: err}
}
