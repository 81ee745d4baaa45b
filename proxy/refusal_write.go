package proxy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/sessiongate/sessiongate/proxy/page"
)

// problem is RFC 9457's problem+json, with members of the gate's own.
type problem struct {
	Type       string `json:"type"`
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"`
	Reason     Reason `json:"reason"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds, as in the header

	// Violated is a member of draft-ietf-httpapi-ratelimit-headers.
	Violated []string `json:"violated-policies,omitempty"`
}

// problemType heads the type of a problem; the reason ends it. It names nothing
// that could be fetched.
const problemType = "urn:sessiongate:refusal:"

// write answers with the refusal, in the form that suits the client; id is the
// request's. With closes the connection ends behind it: where a body is
// unread, net/http would otherwise hold the answer back until it has read the
// body away.
func (r *Refusal) write(w http.ResponseWriter, req *http.Request, id string, people *page.Page, closes bool) (sent int64) {
	h := w.Header()
	clear(h)
	h[requestIDHeader] = []string{id}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if closes {
		h.Set("Connection", "close")
	}
	r.quotas.tell(h)
	seconds := retrySeconds(r.RetryAfter, r.Known, rand.Float64())
	if seconds > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	body := r.body(h, req, id, people, seconds)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(r.Status)
	if req.Method == http.MethodHead {
		return 0
	}
	n, _ := w.Write(body) // a client that left needs no answer
	return int64(n)
}

// body makes the answer's body and sets the headers that describe it. Redirects
// are followed, not read.
func (r *Refusal) body(h http.Header, req *http.Request, id string, people *page.Page, seconds int) []byte {
	form := formPlain
	if r.Location != "" {
		h.Set("Location", r.Location)
	} else {
		h.Set("Vary", formVary)
		form = formFor(req)
	}
	switch form {
	case formPage:
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", people.Policy())
		return people.HTML(page.Content{
			Status: r.Status, Title: titleOf(r.Status), Detail: r.Detail, Reason: string(r.Reason), RetryAfter: seconds, RequestID: id,
		})
	case formProblem:
		h.Set("Content-Type", "application/problem+json")
		body, err := json.Marshal(problem{
			Type: problemType + string(r.Reason), Title: http.StatusText(r.Status), Status: r.Status,
			Detail: r.Detail, Reason: r.Reason, RetryAfter: seconds, Violated: r.Violated,
		})
		if err == nil {
			return append(body, '\n')
		}
	case formPlain:
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	return fmt.Appendf(nil, "%d %s\nreason: %s\n%s\n", r.Status, http.StatusText(r.Status), r.Reason, r.Detail)
}

// titleOf says in a few words, for people, what a status means here.
func titleOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "This request cannot be understood"
	case http.StatusForbidden:
		return "This is not allowed"
	case http.StatusNotFound:
		return "There is no such page"
	case http.StatusRequestTimeout:
		return "This took too long"
	case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return "This is too large"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "One moment, please"
	case http.StatusNotImplemented:
		return "This is not possible here"
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return "The application does not answer"
	case http.StatusInternalServerError:
		return "Something went wrong"
	}
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "This was refused"
}
