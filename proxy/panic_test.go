package proxy

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sessiongate/sessiongate/internal/rules"
)

// servePanics serves a request and says whether the handler panicked.
func (b *bench) servePanics(r *http.Request) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	b.gate.ServeHTTP(httptest.NewRecorder(), r)
	return false
}

// A defect in any stage, the first among them, leaves nothing behind: bench
// drains the gate at the end.
func TestAPanicOfAStageLeavesAndIsCounted(t *testing.T) {
	for name, spoil := range map[string]func(*bench, *http.Request){
		"accept":                 func(b *bench, _ *http.Request) { b.change(func(s *Setup) { s.Clients = nil }) },
		"accept, of a bad URL":   func(_ *bench, r *http.Request) { r.URL = nil },
		"accept, over HTTP/2":    func(_ *bench, r *http.Request) { r.URL, r.ProtoMajor = nil, 2 },
		"wait":                   func(b *bench, _ *http.Request) { b.gate.Locks = nil },
		"admit, with the turn":   func(b *bench, _ *http.Request) { b.upstream().Servers = nil },
		"forward, with the slot": func(b *bench, _ *http.Request) { b.gate.Loopback = nil },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, answers, func(p *rules.Policy, _ *Settings) { p.MaxWaiting = 1 })
			locks := b.gate.Locks
			r := httptest.NewRequest("GET", "/cart", nil)
			r.Header.Set("Cookie", "PHPSESSID=abc")
			spoil(b, r)
			if !b.servePanics(r) {
				t.Fatal("nothing panicked")
			}
			b.gate.Locks = locks
			b.want("in flight", b.gate.InFlight(), 0)
			b.want("streams", int(b.gate.streams.open.Load()), 0)
			m := b.gate.Metrics
			b.want("counted as internal", int(testutil.ToFloat64(m.refusals.WithLabelValues(string(ReasonInternal)))), 1)
			b.want("counted as 0", int(testutil.ToFloat64(m.requests.WithLabelValues("", "0"))), 0)
			b.want("counted as 500", int(testutil.ToFloat64(m.requests.WithLabelValues("", "500"))), 1)
		})
	}
}
