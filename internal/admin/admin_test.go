package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/sessiongate/sessiongate/internal/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(h http.Handler, path, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestReadinessNamesItsReasons(t *testing.T) {
	var reasons, asides []string
	h := admin.New(admin.Options{
		Gatherer: prometheus.NewRegistry(),
		Ready:    func(context.Context) []string { return reasons },
		Aside:    func(context.Context) []string { return asides },
	})
	if w := ask(h, "/readyz", ""); w.Code != http.StatusOK {
		t.Fatalf("ready: status %d", w.Code)
	}
	reasons = []string{"draining", "upstream php: connection refused"}
	w := ask(h, "/readyz", "")
	if w.Code != http.StatusServiceUnavailable || w.Body.String() != "draining\nupstream php: connection refused\n" {
		t.Fatalf("not ready: status %d, body %q", w.Code, w.Body)
	}
	reasons, asides = nil, []string{"upstream live: gone"}
	if w := ask(h, "/readyz", ""); w.Code != http.StatusOK || w.Body.String() != "ready\nupstream live: gone\n" {
		t.Fatalf("ready but for an aside: status %d, body %q", w.Code, w.Body)
	}
	reasons = []string{"draining"}
	if w := ask(h, "/healthz", ""); w.Code != http.StatusOK {
		t.Fatalf("a gate that is not ready is healthy all the same: status %d", w.Code)
	}
}

func TestTokenGuardsAllButHealth(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "a_total"}))
	h := admin.New(admin.Options{
		Gatherer: reg,
		Ready:    func(context.Context) []string { return nil },
		Token:    []byte("0123456789abcdef"),
		PProf:    true,
	})
	for _, c := range []struct {
		path, token string
		status      int
	}{
		{"/healthz", "", http.StatusOK},
		{"/readyz", "", http.StatusOK},
		{"/metrics", "", http.StatusUnauthorized},
		{"/metrics", "0123456789abcdee", http.StatusUnauthorized},
		{"/metrics", "0123456789abcdef", http.StatusOK},
		{"/debug/pprof/cmdline", "", http.StatusUnauthorized},
		{"/debug/pprof/cmdline", "0123456789abcdef", http.StatusOK},
		{"/nothing", "0123456789abcdef", http.StatusNotFound},
	} {
		if w := ask(h, c.path, c.token); w.Code != c.status {
			t.Errorf("%s with token %q: status %d, want %d", c.path, c.token, w.Code, c.status)
		}
	}
	if body := ask(h, "/metrics", "0123456789abcdef").Body.String(); !strings.Contains(body, "a_total 0") {
		t.Errorf("metrics are not there: %s", body)
	}
}

// A page whose name resolves to 127.0.0.1 reads what its browser may: DNS
// rebinding. Load balancers and kubelets call health by what name they like.
func TestWithoutATokenOnlyHealthIsForAnyHost(t *testing.T) {
	o := admin.Options{
		Gatherer: prometheus.NewRegistry(),
		Ready:    func(context.Context) []string { return nil },
		PProf:    true,
	}
	status := func(o admin.Options, host, path string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = host
		w := httptest.NewRecorder()
		admin.New(o).ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for host, want := range map[string]int{
		"127.0.0.1:9180": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:9180": http.StatusOK, "[::1]": http.StatusOK, "10.1.2.3:9180": http.StatusOK,
		"localhost:9180": http.StatusOK, "LocalHost": http.StatusOK, "localhost.:80": http.StatusOK, "": http.StatusOK,
		"rebind.example:9180": http.StatusForbidden, "rebind.example": http.StatusForbidden, "localhost.example:9180": http.StatusForbidden, "127.0.0.1.example": http.StatusForbidden,
		"[rebind.example]:80": http.StatusForbidden, "a:b:c": http.StatusForbidden, "127.1:80": http.StatusForbidden,
	} {
		for _, path := range []string{"/metrics", "/debug/pprof/cmdline"} {
			if got, text := status(o, host, path); got != want || got != http.StatusOK && !strings.Contains(text, "admin.token_file") {
				t.Errorf("%s of %q: status %d, want %d: %s", path, host, got, want, text)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if got, _ := status(o, host, path); got != http.StatusOK {
				t.Errorf("%s of %q: status %d", path, host, got)
			}
		}
	}
	onSocket := o
	onSocket.AnyHost = true
	if got, text := status(onSocket, "gate", "/metrics"); got != http.StatusOK {
		t.Errorf("on a socket: status %d: %s", got, text)
	}
}

func TestProfilesAreOffUnlessAsked(t *testing.T) {
	h := admin.New(admin.Options{Gatherer: prometheus.NewRegistry()})
	if w := ask(h, "http://localhost/debug/pprof/", ""); w.Code != http.StatusNotFound {
		t.Fatalf("status %d, want 404", w.Code)
	}
}
