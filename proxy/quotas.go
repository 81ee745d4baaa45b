package proxy

import (
	"crypto/sha256"
	"net/http"

	"github.com/sessiongate/sessiongate/limiter"
)

// The fields of draft-ietf-httpapi-ratelimit-headers-11, as net/http spells them.
const (
	policiesField = "Ratelimit-Policy"
	quotasField   = "Ratelimit"
)

// quotas are the values of these fields; empty where no enforced limit was asked.
type quotas struct{ policies, left string }

// quotasOf makes both values in one text.
func quotasOf(a *asking) quotas {
	a.text = limiter.AppendPolicies(a.text[:0], a.asks)
	policies := len(a.text)
	a.text = limiter.AppendQuotas(a.text, a.asks)
	both := string(a.text)
	return quotas{policies: both[:policies], left: both[policies:]}
}

// tell adds the fields to an answer. Those of the application stay: both are
// lists, and a policy has a name.
func (q quotas) tell(h http.Header) {
	if q.policies == "" {
		return
	}
	h[policiesField] = append(h[policiesField], q.policies)
	h[quotasField] = append(h[quotasField], q.left)
}

// maxUserAgent is how much of a user agent tells it from others.
const maxUserAgent = 512

// userAgentKey is the same for user agents that differ in case only.
func userAgentKey(h http.Header) limiter.Key {
	var agent string
	if said := h["User-Agent"]; len(said) > 0 {
		agent = said[0]
	}
	var folded [maxUserAgent]byte
	n := copy(folded[:], agent)
	for i, c := range folded[:n] {
		if 'A' <= c && c <= 'Z' {
			folded[i] = c + 'a' - 'A'
		}
	}
	sum := sha256.Sum256(folded[:n])
	return limiter.HashKey([16]byte(sum[:]))
}
