package keepalive

import (
	"context"
	"errors"
	"net/http"
)

// Informed is told of a server's informational answers (1xx), in the goroutine of
// RoundTrip. It must not block.
type Informed interface {
	Informational(status int, header http.Header)
}

type informedKey struct{}

// Inform has the informational answers to the requests of a context told.
func Inform(ctx context.Context, to Informed) context.Context {
	return context.WithValue(ctx, informedKey{}, to)
}

// maxInformational is how many a server may send before its answer. With no such
// bound it could go on for ever without one.
const maxInformational = 1000

// ErrInformational is a server that answers with nothing but 1xx.
var ErrInformational = errors.New("keepalive: more than 1000 informational answers")

// informational says that another answer follows.
func informational(r *http.Response) bool {
	return r.StatusCode >= 100 && r.StatusCode < 200 && r.StatusCode != http.StatusSwitchingProtocols
}
