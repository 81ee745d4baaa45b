package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// An answer that is silent for longer than its client may take to read is not
// cut: nobody has to read anything then.
func TestASilentStreamIsNotCut(t *testing.T) {
	t.Parallel()
	const idle = 500 * time.Millisecond
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, word := range []string{"before", "after"} {
			switch r.URL.Path {
			case "/hints":
				w.WriteHeader(http.StatusEarlyHints)
			case "/events":
				w.Header().Set("Content-Type", "text/event-stream")
				io.WriteString(w, word)
				w.(http.Flusher).Flush()
			default:
				io.WriteString(w, word)
				w.(http.Flusher).Flush()
			}
			select {
			case <-time.After(2 * idle):
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(backend.Close)
	g := startTLSGate(t, fmt.Sprintf("upstream: {protocol: http, servers: [{address: %q}]}", backend.Listener.Addr()),
		writeIdle(idle))
	wanted := map[string]string{"/events": "beforeafter", "/plain": "beforeafter", "/hints": ""}
	streams, connections := map[string]<-chan answer{}, map[string]*conn{}
	for path := range wanted { // all at once: each takes its time
		streams[path] = g.send(overTLS(request(t, "GET", path, "", nil)))
		connections[path] = g.dialTLS(t, "http/1.1")
		connections[path].ask(t, "GET", path, "one-"+path[1:])
	}
	for path, want := range wanted {
		if a := receive(t, streams[path]).want(t, 200); a.body != want {
			t.Errorf("over HTTP/2 %s brings %q", path, a.body)
		}
		resp := connections[path].head(t)
		for resp.StatusCode == http.StatusEarlyHints {
			resp = connections[path].head(t)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != want || err != nil {
			t.Errorf("over HTTP/1.1 %s brings %q, %v", path, body, err)
		}
	}
}
