package app

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/proxy/admission"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// serverEvents turns what becomes of servers into metrics and log lines. It is
// a prometheus.Collector: what is so now is read when somebody asks. Addresses
// are the configuration's, so that no label grows. Of a server that is not in it any
// more there is what it has in flight, until that is nothing.
type serverEvents struct {
	log       zerolog.Logger
	upstreams func() (list, retired []*upstream)

	outs              *prometheus.CounterVec
	healthy, inFlight *prometheus.Desc
	slots, queued     *prometheus.Desc
}

func newServerEvents(upstreams func() (list, retired []*upstream), reg prometheus.Registerer, log zerolog.Logger) *serverEvents {
	labels := []string{"upstream", "server"}
	e := &serverEvents{
		log:       log,
		upstreams: upstreams,
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

// gone tells of a server that was taken out of the configuration.
func (e *serverEvents) gone(upstream string, s *balance.Server) {
	e.log.Info().Str("upstream", upstream).Str("server", s.Address).Msg("server was taken out and has ended all requests, it may be stopped")
}

func (e *serverEvents) forget(upstream, server string) { e.outs.DeleteLabelValues(upstream, server) }

// Describe tells of the gauges.
func (e *serverEvents) Describe(to chan<- *prometheus.Desc) {
	to <- e.healthy
	to <- e.inFlight
	to <- e.slots
	to <- e.queued
}

// Collect reads the gauges. An upstream that is replaced counts together with the
// one of its name.
func (e *serverEvents) Collect(to chan<- prometheus.Metric) {
	list, retired := e.upstreams()
	inFlight, queued := map[[2]string]int{}, map[[2]string]int{}
	for _, u := range slices.Concat(list, retired) {
		for _, s := range u.pool.Status() {
			key := [2]string{u.name, s.Server.Address}
			if listed := !s.Leaving && slices.Contains(list, u); listed {
				e.collectHealth(to, u.name, s)
			} else if s.InFlight == 0 {
				continue
			}
			inFlight[key] += s.InFlight
		}
		for _, p := range admission.Priorities() {
			queued[[2]string{u.name, p.String()}] += u.pool.Queued(p)
		}
	}
	for key, n := range inFlight {
		to <- prometheus.MustNewConstMetric(e.inFlight, prometheus.GaugeValue, float64(n), key[0], key[1])
	}
	for key, n := range queued {
		to <- prometheus.MustNewConstMetric(e.queued, prometheus.GaugeValue, float64(n), key[0], key[1])
	}
}

// collectHealth tells of a server that gets requests.
func (e *serverEvents) collectHealth(to chan<- prometheus.Metric, upstream string, s balance.Status) {
	healthy := 0.0
	if s.In {
		healthy = 1
	}
	to <- prometheus.MustNewConstMetric(e.healthy, prometheus.GaugeValue, healthy, upstream, s.Server.Address)
	to <- prometheus.MustNewConstMetric(e.slots, prometheus.GaugeValue, float64(s.MaxInFlight), upstream, s.Server.Address)
}
