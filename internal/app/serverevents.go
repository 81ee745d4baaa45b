package app

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/proxy/admission"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// serverEvents turns what becomes of servers into metrics and log lines. It is
// a prometheus.Collector: what is so now is read when somebody asks. Addresses
// are the configuration's, so that no label grows.
type serverEvents struct {
	upstreams *upstreams
	log       zerolog.Logger

	outs              *prometheus.CounterVec
	healthy, inFlight *prometheus.Desc
	slots, queued     *prometheus.Desc
}

func newServerEvents(u *upstreams, reg prometheus.Registerer, log zerolog.Logger) *serverEvents {
	labels := []string{"upstream", "server"}
	e := &serverEvents{
		upstreams: u,
		log:       log,
		outs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "sessiongate", Name: "server_out_total", Help: "Times that a server went out.",
		}, labels),
		healthy:  prometheus.NewDesc("sessiongate_server_healthy", "1 while the server is used, 0 while it is out.", labels, nil),
		inFlight: prometheus.NewDesc("sessiongate_server_in_flight", "Requests that the server has not ended.", labels, nil),
		slots:    prometheus.NewDesc("sessiongate_server_max_in_flight", "Slots of the server; 0: no limit.", labels, nil),
		queued:   prometheus.NewDesc("sessiongate_queued", "Requests that wait for a slot of a server now.", []string{"upstream", "priority"}, nil),
	}
	reg.MustRegister(e.outs, e)
	return e
}

// expect makes the counter of a server begin at zero.
func (e *serverEvents) expect(upstream, server string) { e.outs.WithLabelValues(upstream, server) }

func (e *serverEvents) out(upstream string, s *balance.Server, why error) {
	e.outs.WithLabelValues(upstream, s.Address).Inc()
	e.log.Warn().Str("upstream", upstream).Str("server", s.Address).Err(why).Msg("server is out, requests go to others where there are any")
}

func (e *serverEvents) in(upstream string, s *balance.Server) {
	e.log.Info().Str("upstream", upstream).Str("server", s.Address).Msg("server is in again")
}

// Describe tells of the gauges.
func (e *serverEvents) Describe(to chan<- *prometheus.Desc) {
	to <- e.healthy
	to <- e.inFlight
	to <- e.slots
	to <- e.queued
}

// Collect reads the gauges.
func (e *serverEvents) Collect(to chan<- prometheus.Metric) {
	for _, u := range e.upstreams.list {
		for _, s := range u.Servers.Status() {
			healthy := 0.0
			if s.In {
				healthy = 1
			}
			to <- prometheus.MustNewConstMetric(e.healthy, prometheus.GaugeValue, healthy, u.Name, s.Server.Address)
			to <- prometheus.MustNewConstMetric(e.inFlight, prometheus.GaugeValue, float64(s.InFlight), u.Name, s.Server.Address)
			to <- prometheus.MustNewConstMetric(e.slots, prometheus.GaugeValue, float64(s.MaxInFlight), u.Name, s.Server.Address)
		}
		for _, p := range admission.Priorities() {
			to <- prometheus.MustNewConstMetric(e.queued, prometheus.GaugeValue, float64(u.Servers.Queued(p)), u.Name, p.String())
		}
	}
}
