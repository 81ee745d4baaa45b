// Package admin is the listener for operators: metrics and health.
//
//	/healthz  200 as long as the process serves
//	/readyz   200 when the gate may be sent requests, else 503 with the reasons
//	/metrics  Prometheus
//	/debug/pprof/  profiles, where allowed
//
// It never serves on the address that clients use. With a token everything but
// health asks for it as a bearer token; without one it shows that only where it is
// called by an address or as localhost, so that no page in a browser can read it.
// The package keeps no state of its own: what it shows it is given.
package admin

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options say what is shown to whom.
type Options struct {
	Gatherer prometheus.Gatherer
	// Ready returns why the gate should not be sent requests; nothing means
	// that it is ready.
	Ready func(context.Context) []string
	// Aside, if set, returns what is wrong and leaves it ready.
	Aside func(context.Context) []string
	// Token is the bearer token; empty: none is asked for, and who asks must call
	// the listener by an address or as localhost.
	Token []byte
	// AnyHost: it may be called by any name without a token, too: it is on a
	// socket, which no browser reaches.
	AnyHost bool
	PProf   bool
}

// New returns the handler of the admin listener.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", Readiness(o.Ready, o.Aside))
	mux.Handle("GET /metrics", o.guard(promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{})))
	if o.PProf {
		mux.Handle("/debug/pprof/", o.guard(http.HandlerFunc(pprof.Index)))
		mux.Handle("/debug/pprof/cmdline", o.guard(http.HandlerFunc(pprof.Cmdline)))
		mux.Handle("/debug/pprof/profile", o.guard(http.HandlerFunc(pprof.Profile)))
		mux.Handle("/debug/pprof/symbol", o.guard(http.HandlerFunc(pprof.Symbol)))
		mux.Handle("/debug/pprof/trace", o.guard(http.HandlerFunc(pprof.Trace)))
	}
	return mux
}

// Readiness answers 200, or 503 with a line for each reason; then, where aside is
// not nil, with a line for each of its.
func Readiness(ready, aside func(context.Context) []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, lines := http.StatusOK, []string{"ready"}
		if reasons := ready(r.Context()); len(reasons) > 0 {
			status, lines = http.StatusServiceUnavailable, reasons
		}
		if aside != nil {
			lines = slices.Concat(lines, aside(r.Context()))
		}
		answer(w, status, strings.Join(lines, "\n"))
	}
}

// guard asks for the token where there is one, else for a Host that no page in a
// browser has.
func (o Options) guard(h http.Handler) http.Handler {
	switch {
	case len(o.Token) > 0:
	case o.AnyHost:
		return h
	default:
		return namesThisMachine(h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(token), o.Token) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="sessiongate admin"`)
			answer(w, http.StatusUnauthorized, "the admin listener asks for the bearer token of admin.token_file")
			return
		}
		h.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // an operator that left needs no answer
}
