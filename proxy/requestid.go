package proxy

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

const (
	requestIDHeader = "X-Request-Id"
	maxRequestID    = 128 // bytes of an id that is passed on
)

// requestID is the name under which a request is found in the logs of all
// that it passes: the one that a trusted proxy gave it, or a new one of 128 random
// bits. Anybody else's could be made to look like another request's.
func requestID(h http.Header, trusted bool) string {
	if given := h[requestIDHeader]; trusted && len(given) == 1 && wellFormedID(given[0]) {
		return given[0]
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// wellFormedID says whether an id may stand in a log line as it is.
func wellFormedID(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case c == '-', c == '_', c == '.', c == ':', c == '+', c == '/', c == '=', c == '@':
		default:
			return false
		}
	}
	return 0 < len(id) && len(id) <= maxRequestID
}
