package app

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// limitEvents turns what limits tell of themselves into metrics and log lines.
type limitEvents struct {
	log, seldom zerolog.Logger // seldom lets one line a second through

	failures prometheus.Counter
	away     atomic.Bool
}

func newLimitEvents(reg prometheus.Registerer, log zerolog.Logger) *limitEvents {
	e := &limitEvents{
		log:    log,
		seldom: log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "sessiongate", Name: "limit_store_errors_total", Help: "Calls to Redis about shared limits that failed.",
		}),
	}
	reg.MustRegister(e.failures)
	return e
}

func (e *limitEvents) failed(err error) {
	e.failures.Inc()
	e.seldom.Warn().Err(err).Msg("call to Redis about shared limits failed; of several in a second one is logged")
}

// turned logs once that shared limits are counted here, and once that they are
// shared again.
func (e *limitEvents) turned(words redisWords, err error) {
	switch changed := e.away.Swap(err != nil) != (err != nil); {
	case !changed:
	case err != nil:
		e.log.Warn().Str("error", words.of(err)).Msg("Redis is away, each gate counts shared limits by itself")
	default:
		e.log.Info().Msg("Redis is back, limits are shared again")
	}
}

// unasked is about a Redis that no request has missed yet.
func (e *limitEvents) unasked(words redisWords, err error) {
	e.log.Warn().Str("error", words.of(err)).Msg("Redis cannot be asked now, while that lasts each gate counts shared limits by itself")
}

// crowded is called every ten seconds at most.
func (e *limitEvents) crowded(limit string, decisions uint64) {
	e.log.Warn().Str("limit", limit).Uint64("decisions", decisions).
		Msg("limit has no room for new keys, which are judged by their network; limit_keys bounds it")
}

// limitStats reads the limits in use when somebody asks for metrics. Its labels
// are the names of the configuration.
type limitStats struct {
	limits                              *limits
	keys, networks, byNetwork, standIns *prometheus.Desc
}

func newLimitStats(l *limits) *limitStats {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("sessiongate_"+name, help, []string{"limit"}, nil)
	}
	return &limitStats{
		limits:    l,
		keys:      desc("limit_keys", "Keys that a limit knows now: clients, sessions, whatever it counts apart."),
		networks:  desc("limit_networks", "Networks that a limit knows now, because it has no room for new keys."),
		byNetwork: desc("limit_by_network_total", "Decisions on a network in place of a key, for which there was no room."),
		standIns:  desc("limit_stand_in_total", "Decisions on a shared limit by this gate alone, without Redis."),
	}
}

// Describe implements prometheus.Collector.
func (s *limitStats) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.keys, s.networks, s.byNetwork, s.standIns} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *limitStats) Collect(to chan<- prometheus.Metric) {
	s.limits.mu.Lock()
	set, names := s.limits.set, s.limits.names
	s.limits.mu.Unlock()
	for _, name := range names {
		now := set.Limiter(name).Stats()
		to <- prometheus.MustNewConstMetric(s.keys, prometheus.GaugeValue, float64(now.Keys), name)
		to <- prometheus.MustNewConstMetric(s.networks, prometheus.GaugeValue, float64(now.Networks), name)
		to <- prometheus.MustNewConstMetric(s.byNetwork, prometheus.CounterValue, float64(now.ByNetwork), name)
		to <- prometheus.MustNewConstMetric(s.standIns, prometheus.CounterValue, float64(now.StandIn), name)
	}
}
