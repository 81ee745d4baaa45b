package proxy

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/sessiongate/sessiongate/proxy/session"
)

// changesID says whether an answer gives the session another id: a log-in does,
// so that nobody can have planted it. An id that is taken away (a log-out) is no
// other.
func changesID(sent, answered http.Header, cookie string) bool {
	id, ok := session.Source{Cookie: cookie}.ID(sent)
	if !ok {
		return false
	}
	last := id
	for _, line := range answered["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err == nil && c.Name == cookie && !expired(c) {
			if next, ok := (session.Source{Cookie: cookie}).ID(http.Header{"Cookie": {cookie + "=" + c.Value}}); ok {
				last = next // the last one counts
			}
		}
	}
	return last != id
}

// expired says whether a cookie is sent to be deleted (RFC 6265, section 5.3).
func expired(c *http.Cookie) bool {
	return c.MaxAge < 0 || c.MaxAge == 0 && !c.Expires.IsZero() && c.Expires.Before(time.Now())
}

// noteID looks whether the answer changes the session's id. Those who wait have
// come under the old one, which the application may have destroyed.
func (r *run) noteID(answered http.Header) {
	if r.hold == nil || !r.policy.RedirectOutdated || !changesID(r.req.Header, answered, r.policy.Cookie) {
		return
	}
	r.hold.outdate()
	r.mu.Lock()
	r.heard = make(chan struct{})
	r.mu.Unlock()
}

// awaitHeard returns when the client has been sent the headers, and with them the
// new id: those who wait, and who belong to the same client, are told to ask again
// with it. A client to which nothing can be sent does not hold them up.
func (r *run) awaitHeard() {
	if r.heard == nil {
		return
	}
	timer := time.NewTimer(hearsWithin)
	defer timer.Stop()
	select {
	case <-r.heard:
	case <-timer.C:
	case <-r.gate.runs.Done():
	}
}

// hearsWithin is many times what it takes to hand the headers to the kernel.
const hearsWithin = 100 * time.Millisecond

// tell says that the client has been sent the headers, or never will be.
func (r *run) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heard != nil && !r.told {
		r.told = true
		close(r.heard)
	}
}

// asksAgain says whether a request whose session has got another id meanwhile is
// better sent once more, with that. Not every client can: it has to follow the
// redirect, with its method and body, and with the cookies that it has then.
func (x *exchange) asksAgain() bool {
	switch {
	case !x.policy.RedirectOutdated, x.call.by != nil: // the application has one cookie: its visitor's
		return false
	case !x.r.ProtoAtLeast(1, 1), x.upgrade != nil: // WebSockets are not redirected
		return false
	case x.policy.Unattended && x.departed():
		return false
	}
	return sameOrigin(x.r.Header)
}

// sameOrigin says whether a script's request may be redirected: from another
// origin it needs headers on the redirect that only the application can make up.
func sameOrigin(h http.Header) bool {
	return h.Get("Sec-Fetch-Mode") != "cors" || h.Get("Sec-Fetch-Site") == "same-origin"
}

// idChanged sends the client to where it is.
func (x *exchange) idChanged() *Refusal {
	return &Refusal{
		Status:   http.StatusTemporaryRedirect,
		Reason:   ReasonIDChanged,
		Detail:   "The session has got another id meanwhile. Ask again.",
		Location: samePlace(x.r.URL),
	}
}

// samePlace is a reference to where it stands. It begins with "./", so that
// nothing in the path can be read as a host or a scheme.
func samePlace(u *url.URL) string {
	here := "./"
	if _, last := path.Split(u.EscapedPath()); last != "" {
		here += last
	}
	if u.RawQuery != "" || u.ForceQuery {
		here += "?" + strings.ReplaceAll(u.RawQuery, "#", "%23") // in a reference a fragment would begin with it
	}
	return here
}
