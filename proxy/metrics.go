package proxy

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Metrics are the counters of a Gate. No label grows with users: rules,
// upstreams, reasons, kinds and stages are bounded by code and configuration.
type Metrics struct {
	requests        *prometheus.CounterVec
	wait            prometheus.Histogram
	queue           prometheus.Histogram
	hold            prometheus.Histogram
	refusals        *prometheus.CounterVec
	limitRefused    *prometheus.CounterVec
	capRefused      *prometheus.CounterVec
	shadowRefused   *prometheus.CounterVec
	shadowQueued    prometheus.Counter
	shadowWaits     prometheus.Counter
	shadowOverlaps  prometheus.Counter
	gone            *prometheus.CounterVec
	upstreamErrors  *prometheus.CounterVec
	connectFailures *prometheus.CounterVec
	nextServer      *prometheus.CounterVec
	abandoned       *prometheus.CounterVec
	holdExceeded    prometheus.Counter
	withoutTurn     *prometheus.CounterVec
	localTurns      prometheus.Counter
	leaseLost       prometheus.Counter
	loopback        *prometheus.CounterVec
	loopbackUnused  *prometheus.CounterVec
	stalls          prometheus.Counter
	stallSeconds    prometheus.Counter
	upgraded        prometheus.Counter
	ignored         prometheus.Counter

	warnedIgnored atomic.Bool
	names         namesInUse
}

// secondsBuckets reach from a hand-off inside the gate to max_hold's default.
var secondsBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 60, 120}

// NewMetrics registers the counters; every label value that is known
// beforehand is there from the start, so that rates have a zero to begin at.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests:        counterVec("requests_total", "Requests by the rule that decided (empty: none) and status; 499: the client left.", ruleLabel, "code"),
		wait:            histogram("wait_seconds", "Time that requests with a session waited for their turn."),
		queue:           histogram("queue_seconds", "Time that requests waited for a slot of a server, where slots are bounded."),
		hold:            histogram("hold_seconds", "Time that turns lasted."),
		refusals:        counterVec("refused_total", "Requests that the gate answered itself, by reason.", "reason"),
		limitRefused:    counterVec("limit_refused_total", "Requests that a rate limit refused, or, where it is not enforced, would have.", limitLabel, "enforced"),
		capRefused:      counterVec("concurrency_refused_total", "Requests that a concurrency cap refused, or, where it is not enforced, would have.", capLabel, "enforced"),
		shadowRefused:   counterVec("shadow_refused_total", "Requests that would have been refused, were it enforced, by reason.", "reason"),
		shadowQueued:    counter("shadow_queued_total", "Requests that would have waited for a slot of a server, were it enforced."),
		shadowWaits:     counter("shadow_waits_total", "Requests that would have waited for one of this gate, were it enforced."),
		shadowOverlaps:  counter("shadow_overlaps_total", "Requests that ran beside an earlier one of their session in this gate, because one of them is not enforced."),
		gone:            counterVec("client_gone_total", "Clients that left, by the stage in which they did.", "stage"),
		upstreamErrors:  counterVec("upstream_errors_total", "Failures of upstreams, by kind.", "upstream", "kind"),
		connectFailures: counterVec("server_connect_failures_total", "Connections to servers that could not be made, by their fault.", "upstream", "server"),
		nextServer:      counterVec("next_server_total", "Requests that another server got, because nothing had been sent to the one before.", "upstream"),
		abandoned:       counterVec("abandoned_total", "Requests that were cut off from their upstream because nobody had waited for them, for abandoned_timeout.", "upstream"),
		holdExceeded:    counter("hold_exceeded_total", "Turns that max_hold ended while the upstream may still have run."),
		withoutTurn:     counterVec("forwarded_without_turn_total", "Requests forwarded without their turn, by why they had none.", "reason"),
		localTurns:      counter("local_turns_total", "Turns that the gate gave by itself while the lock authority was away."),
		leaseLost:       counter("lease_lost_total", "Leases that were lost while requests ran, so that another gate may have run one of the session too."),
		loopback:        counterVec("loopback_total", "Requests that the application sent to its own site and that ran under the turn of the one that waited for them, by how they were recognised.", "by"),
		loopbackUnused:  counterVec("loopback_unused_total", "Requests with a loopback token that was of no use, by why.", "reason"),
		stalls:          counter("relay_stalls_total", "Answers whose upstream was slowed at a bound of the spool."),
		stallSeconds:    counter("relay_stalled_seconds_total", "Time that upstreams were slowed at a bound of the spool."),
		upgraded:        counter("upgraded_total", "Connections that were upgraded, to WebSocket or another protocol."),
		ignored:         counter("ignored_forwarding_headers_total", "Requests with forwarding headers from peers that are not trusted proxies."),

		names: namesInUse{setups: make(map[name]int)},
	}
	reg.MustRegister(m.requests, m.wait, m.queue, m.hold, m.refusals, m.limitRefused, m.capRefused, m.shadowRefused, m.shadowQueued, m.shadowWaits, m.shadowOverlaps, m.gone, m.upstreamErrors, m.connectFailures, m.nextServer, m.abandoned,
		m.holdExceeded, m.withoutTurn, m.localTurns, m.leaseLost, m.loopback, m.loopbackUnused, m.stalls, m.stallSeconds, m.upgraded, m.ignored)
	for _, reason := range Reasons() {
		m.refusals.WithLabelValues(string(reason))
	}
	for _, reason := range []Reason{ReasonWaitTimeout, ReasonStoreAway} {
		m.withoutTurn.WithLabelValues(string(reason))
	}
	for _, reason := range []Reason{
		ReasonRule, ReasonRateLimited, ReasonConcurrencyFull, ReasonSessionBusy, ReasonSessionFull, ReasonClientFull, ReasonTotalFull,
	} {
		m.shadowRefused.WithLabelValues(string(reason))
	}
	for _, via := range Vias() {
		m.loopback.WithLabelValues(string(via))
	}
	for _, why := range Unuseds() {
		m.loopbackUnused.WithLabelValues(string(why))
	}
	for _, stage := range []Stage{StageFiles, StageSpool, StageWait, StageAdmit, StageForward, StageRelay} {
		m.gone.WithLabelValues(string(stage))
	}
	return m
}

// RegisterGauges adds what is read from the gate when somebody asks.
func (g *Gate) RegisterGauges(reg prometheus.Registerer) {
	gauge := func(name, help string, read func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "sessiongate", Name: name, Help: help}, read))
	}
	gauge("waiting", "Requests that wait for their turn now.", func() float64 { return float64(g.Locks.Waiting() + g.nested.Waiting()) })
	gauge("sessions", "Sessions that have a request running or waiting now.", func() float64 { return float64(g.Locks.Sessions()) })
	gauge("in_flight", "Requests that are not accounted for yet.", func() float64 { return float64(g.InFlight()) })
	gauge("uploading", "Request bodies that are being read now.", func() float64 { return float64(g.uploads.count()) })
	gauge("upgraded", "Connections that are upgraded, or wait to be, now.", func() float64 { return float64(g.upgraded.count()) })
	gauge("spool_memory_bytes", "Memory taken by spooled bodies now.", func() float64 { return float64(g.Spool.Usage().Memory) })
	gauge("spool_disk_bytes", "Disk taken by spooled bodies now.", func() float64 { return float64(g.Spool.Usage().Disk) })
}

// expect makes the counters of an upstream's failures begin at zero.
func (m *Metrics) expect(u *Upstream) {
	for _, kind := range Kinds() {
		m.upstreamErrors.WithLabelValues(u.Name, string(kind))
	}
	m.nextServer.WithLabelValues(u.Name)
	m.abandoned.WithLabelValues(u.Name)
	for _, s := range u.Servers.Status() {
		m.connectFailures.WithLabelValues(u.Name, s.Server.Address)
	}
}

// ForgetServer drops the counters of a server that is gone: addresses may come and
// go by the hundred.
func (m *Metrics) ForgetServer(upstream, server string) {
	m.connectFailures.DeleteLabelValues(upstream, server)
}

// ForgetUpstream drops the counters of an upstream that is gone.
func (m *Metrics) ForgetUpstream(name string) {
	of := prometheus.Labels{"upstream": name}
	m.upstreamErrors.DeletePartialMatch(of)
	m.nextServer.DeletePartialMatch(of)
	m.abandoned.DeletePartialMatch(of)
	m.connectFailures.DeletePartialMatch(of)
}

// expectLimits makes the counters of limits begin at zero.
func (m *Metrics) expectLimits(s *setup) {
	for _, a := range s.apply {
		for _, enforced := range []string{"true", "false"} {
			for _, l := range a.limiters {
				m.limitRefused.WithLabelValues(l.Limit().Name, enforced)
			}
			for _, c := range a.caps {
				m.capRefused.WithLabelValues(c.Concurrency().Name, enforced)
			}
		}
	}
}

func (m *Metrics) request(rule string, status int) {
	m.requests.WithLabelValues(rule, statusText(status)).Inc()
}

// LeaseOverlapped counts a lease whose loss shows only when it is given back: its
// turn is over.
func (m *Metrics) LeaseOverlapped() { m.leaseLost.Inc() }

func (m *Metrics) refused(r Reason) { m.refusals.WithLabelValues(string(r)).Inc() }

func (m *Metrics) clientGone(s Stage) { m.gone.WithLabelValues(string(s)).Inc() }

func (m *Metrics) upstreamError(u *Upstream, k Kind) {
	m.upstreamErrors.WithLabelValues(u.Name, string(k)).Inc()
}

func (m *Metrics) stalled(d time.Duration) {
	if d > 0 {
		m.stalls.Inc()
		m.stallSeconds.Add(d.Seconds())
	}
}

// ignoredForwarding counts a forwarding header that was not believed, and warns
// of the first one: behind a load balancer that is not listed, every client has
// the balancer's address.
func (m *Metrics) ignoredForwarding(log zerolog.Logger, peer string) {
	m.ignored.Inc()
	if m.warnedIgnored.CompareAndSwap(false, true) {
		log.Warn().Str("peer", peer).Msg("forwarding header from a peer that is not in server.trusted_proxies is ignored; further ones are only counted")
	}
}

// statusText spells a status without an allocation for the usual ones.
func statusText(status int) string {
	switch status {
	case 200:
		return "200"
	case 302:
		return "302"
	case 304:
		return "304"
	case 404:
		return "404"
	}
	return strconv.Itoa(status)
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "sessiongate", Name: name, Help: help})
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sessiongate", Name: name, Help: help}, labels)
}

func histogram(name, help string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "sessiongate", Name: name, Help: help, Buckets: secondsBuckets})
}
