package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// Who is refused may come often, and a header may have 64 KiB.
func TestALineHasNotAllThatAClientSays(t *testing.T) {
	b := newBench(t, func(*http.Request) (*http.Response, error) { return ok("")() })
	long := strings.Repeat("x", maxLogged)
	for _, path := range []string{"/" + long[1:], "/" + long, "/" + strings.Repeat("%01", 10*maxLogged)} {
		b.log.Reset()
		b.from("192.0.2.1:1024", path)
		if err := b.gate.Drain(t.Context()); err != nil { // until the line is written
			t.Fatal(err)
		}
		cut := strings.Contains(b.log.String(), "…\"")
		if n := b.log.Len(); n > 8*maxLogged || cut != (len(path) > maxLogged) {
			t.Errorf("a path of %d bytes: a line of %d, cut off: %v", len(path), n, cut)
		}
	}
}
