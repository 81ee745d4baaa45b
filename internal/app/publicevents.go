package app

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/listener"
)

// publicEvents turns what happens before there is a request into metrics and
// log lines. Whatever clients can cause at will is sampled.
type publicEvents struct {
	log, seldom zerolog.Logger
	crowds      zerolog.Logger // as seldom; the lines of one are not lost for the other's

	bounds       prometheus.Counter
	shed         *prometheus.CounterVec
	badHeaders   prometheus.Counter
	http2Errors  *prometheus.CounterVec
	reloads      prometheus.Counter
	reloadFailed atomic.Bool
}

func newPublicEvents(reg prometheus.Registerer, log zerolog.Logger) *publicEvents {
	e := &publicEvents{
		log:         log,
		seldom:      log.Sample(&zerolog.BurstSampler{Burst: 1, Period: 10 * time.Second}),
		crowds:      log.Sample(&zerolog.BurstSampler{Burst: 1, Period: 10 * time.Second}),
		bounds:      metric("connections_bound_total", "Times that max_connections connections were open, none of them could be closed, and a further one waited."),
		shed:        prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sessiongate", Name: "connections_shed_total", Help: "Connections that were closed at max_connections to make room: idle ones, and new ones that had sent no whole header."}, []string{"state"}),
		badHeaders:  metric("proxy_header_errors_total", "Connections of trusted peers that ended because of their PROXY header."),
		http2Errors: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sessiongate", Name: "http2_errors_total", Help: "What clients did against HTTP/2, in net/http's words."}, []string{"error"}),
	}
	reg.MustRegister(e.bounds, e.shed, e.badHeaders, e.http2Errors)
	for _, state := range []http.ConnState{http.StateIdle, http.StateNew} {
		e.shed.WithLabelValues(state.String())
	}
	return e
}

func metric(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "sessiongate", Name: name, Help: help})
}

func (e *publicEvents) registerOpen(reg prometheus.Registerer, b *listener.Bound) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "sessiongate", Name: "connections", Help: "Connections of clients that are open now.",
	}, func() float64 { return float64(b.Open()) }))
}

func (e *publicEvents) registerCertificate(reg prometheus.Registerer, c *listener.Certificate) {
	e.reloads = metric("tls_reloads_total", "Times that the certificate was read again, as its files had changed.")
	reg.MustRegister(e.reloads, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "sessiongate", Name: "tls_reload_failed", Help: "1 while the certificate's files cannot be used and the one before is shown.",
	}, func() float64 {
		if e.reloadFailed.Load() {
			return 1
		}
		return 0
	}), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "sessiongate", Name: "tls_certificate_expiry_seconds", Help: "When the certificate in use ends, in seconds since 1970.",
	}, func() float64 { return float64(c.NotAfter().Unix()) }))
}

func (e *publicEvents) boundReached() {
	e.bounds.Inc()
	e.seldom.Warn().Msg("as many connections are open as server.max_connections allows and none of them is idle, further ones wait")
}

// gaveWay names the client of a new connection: an operator may want to refuse it
// before it gets here.
func (e *publicEvents) gaveWay(s listener.Shed) {
	e.shed.WithLabelValues(s.State.String()).Inc()
	if s.State == http.StateNew {
		e.crowds.Warn().Str("peer", s.Client).Int("connections", s.Of).Msg("as many connections are open as server.max_connections allows, one that has sent no request gives way, of the peer with the most of these")
	}
}

func (e *publicEvents) proxyRefused(peer net.Addr, err error) {
	e.badHeaders.Inc()
	e.seldom.Warn().Stringer("peer", peer).Err(err).Msg("trusted peer sent no PROXY header that can be read, its connection was closed")
}

// http2Error counts by the words of net/http's code, never of the client's.
func (e *publicEvents) http2Error(what string) {
	e.http2Errors.WithLabelValues(strings.ToLower(what)).Inc()
}

func (e *publicEvents) reloaded(err error) {
	e.reloadFailed.Store(err != nil)
	if err != nil {
		e.log.Error().Err(err).Msg("new certificate cannot be used, the one before is shown on")
		return
	}
	e.reloads.Inc()
	e.log.Info().Msg("certificate was read again")
}
