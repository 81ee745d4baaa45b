package session

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/sessiongate/sessiongate/internal/phpvar"
)

// Source says where an application keeps its session id. The zero value names
// no place and so finds no session.
type Source struct {
	// Cookie is PHP's session.name, byte for byte. "" reads no cookie.
	Cookie string
	// Header is a request header that carries the plain id, for API clients. It
	// is looked at first. "" reads no header. The canonical spelling
	// ("X-Session-Id") saves an allocation a request.
	Header string
}

// ID returns the session id as session_id() would say it after session_start,
// or false where PHP would begin a new session.
//
// All lines of the Cookie header count as one, joined by "; ": an upstream must
// be sent them joined in that way. A plain id is a part of the header's own
// string; only one with percent escapes is a new string.
func (s Source) ID(h http.Header) (string, bool) {
	if s.Header != "" {
		if id, ok := idFromHeader(h[textproto.CanonicalMIMEHeaderKey(s.Header)]); ok {
			return id, true
		}
	}
	if s.Cookie == "" {
		return "", false
	}
	return idFromCookies(h["Cookie"], s.Cookie)
}

// idFromHeader takes a header that was sent once. PHP sees repeated ones joined
// by ", ", and a space makes an id invalid.
func idFromHeader(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	return canonical(strings.Trim(values[0], " \t"))
}

// ErrCookieName is wrapped by the errors of [CheckCookieName].
var ErrCookieName = errors.New("not a name that PHP can find a session cookie by")

// CheckCookieName reports why PHP could never find a session under this
// session.name. PHP folds "." and " " in the names of cookies to "_", but not
// in session.name itself, and so looks for a name that no cookie can have.
func CheckCookieName(name string) error {
	const impossible = "=,;.[ \t\r\n\v\f\x00"
	switch i := strings.IndexAny(name, impossible); {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrCookieName)
	case i >= 0:
		return fmt.Errorf("%w: %q contains %q; PHP reads a cookie sent as %q under the name %q",
			ErrCookieName, name, name[i:i+1], name, phpvar.Fold(name))
	case strings.Trim(name, "0123456789") == "":
		return fmt.Errorf("%w: %q is a number, which PHP refuses as session.name", ErrCookieName, name)
	}
	return nil
}
