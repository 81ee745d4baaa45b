package app

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// reloadEvents turns what came of reloads into metrics and log lines. Reloads come
// one after another.
type reloadEvents struct {
	log zerolog.Logger

	reloads *prometheus.CounterVec
	failed  prometheus.Gauge
	since   prometheus.Gauge
	restart prometheus.Gauge
}

func newReloadEvents(reg prometheus.Registerer, log zerolog.Logger) *reloadEvents {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "sessiongate", Name: name, Help: help})
	}
	e := &reloadEvents{
		log: log,
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "sessiongate", Name: "config_reloads_total", Help: "Reloads of the configuration, by what came of them.",
		}, []string{"result"}),
		failed:  gauge("config_reload_failed", "1 while the configuration that was read last cannot be used and the one before stays."),
		since:   gauge("config_last_reload_success_timestamp_seconds", "When the configuration in use was read, in seconds since 1970."),
		restart: gauge("config_restart_keys", "Keys of the configuration that have other values by now and need a restart."),
	}
	reg.MustRegister(e.reloads, e.failed, e.since, e.restart)
	for _, result := range []string{resultTaken, resultRefused} {
		e.reloads.WithLabelValues(result)
	}
	e.since.SetToCurrentTime()
	return e
}

const (
	resultTaken   = "taken"
	resultRefused = "refused"
)

func (e *reloadEvents) taken(c *change) {
	e.failed.Set(0)
	e.since.SetToCurrentTime()
	e.restart.Set(float64(len(c.restart)))
	e.log.Info().Strs("keys", c.keys).Int("rules_before", c.rulesBefore).Int("rules", c.rules).
		Int("limits_kept", c.limitsKept).Strs("limits_new", c.limitsNew).Strs("limits_gone", c.limitsGone).
		Strs("upstreams_new", c.servers.upstreamsNew).Strs("upstreams_gone", c.servers.upstreamsGone).Strs("upstreams_replaced", c.servers.upstreamsReplaced).
		Strs("servers_new", c.servers.serversNew).Strs("servers_gone", c.servers.serversGone).
		Msg("configuration was read again")
	if len(c.restart) > 0 {
		e.log.Warn().Strs("keys", c.restart).Msg("keys of the configuration need a restart, until then they keep their values")
	}
	e.reloads.WithLabelValues(resultTaken).Inc() // last: who sees it sees the rest
}

func (e *reloadEvents) refused(err error) {
	e.failed.Set(1)
	e.log.Error().Strs("mistakes", mistakesOf(err)).Msg("new configuration cannot be used, the one before stays")
	e.reloads.WithLabelValues(resultRefused).Inc()
}
