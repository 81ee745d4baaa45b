package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/lockstore"
)

// lockEvents turns what a store tells of itself into metrics and log lines. A
// store that is away fails for every request: such lines are sampled.
type lockEvents struct {
	log            zerolog.Logger
	seldom, ranOut zerolog.Logger // each lets one line a second through

	failures  *prometheus.CounterVec
	takeovers prometheus.Counter
	leaseLost func() // counts a lease that was lost

	mu     sync.Mutex
	away   bool
	notice string
}

// newLockEvents registers the counters, also for a store that never fails: an
// alert then means the same everywhere.
func newLockEvents(reg prometheus.Registerer, log zerolog.Logger) *lockEvents {
	e := &lockEvents{
		log:       log,
		leaseLost: func() {},
		seldom:    log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}),
		ranOut:    log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "sessiongate", Name: "store_errors_total", Help: "Calls to Redis that failed, by kind.",
		}, []string{"kind"}),
		takeovers: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "sessiongate", Name: "lease_takeover_total", Help: "Turns that began because another gate's lease had run out.",
		}),
	}
	reg.MustRegister(e.failures, e.takeovers)
	for _, kind := range lockstore.FailureKinds() {
		e.failures.WithLabelValues(kind)
	}
	return e
}

// Printf takes what the Redis client says for the whole process: without it,
// that would go to standard error in a form of its own. What a failure means
// for the gate is logged by the others.
func (e *lockEvents) Printf(_ context.Context, format string, args ...any) {
	e.log.Debug().Str("detail", fmt.Sprintf(format, args...)).Msg("redis client")
}

// of is what the store calls.
func (e *lockEvents) of(words redisWords) lockstore.Events {
	return lockstore.Events{
		Failed:     e.failed,
		Away:       func(err error) { e.turned(words, err) },
		TakenOver:  e.takenOver,
		Overlapped: e.overlapped,
		Refused:    func(err error) { e.refused(words, err) },
		Trouble:    func(err error) { e.troubled(words, err) },
		Notice:     e.noticed,
	}
}

func (e *lockEvents) failed(kind string, err error) {
	e.failures.WithLabelValues(kind).Inc()
	e.seldom.Warn().Str("kind", kind).Err(err).Msg("call to Redis failed; of several in a second one is logged")
}

// turned logs once that the store is away (err says why), and once that it is
// back, also where a cluster loses one server after the other.
func (e *lockEvents) turned(words redisWords, err error) {
	e.mu.Lock()
	changed := e.away != (err != nil)
	e.away = err != nil
	e.mu.Unlock()
	switch {
	case !changed:
	case err != nil:
		e.log.Warn().Str("error", words.of(err)).Msg("Redis is away, requests run as on_store_failure says")
	default:
		e.log.Info().Msg("Redis is back, leases are shared again")
	}
}

func (e *lockEvents) takenOver(k lockstore.Key) {
	e.takeovers.Inc()
	e.ranOut.Warn().Stringer("session", k).Msg("lease of another gate ran out and was taken over; of several in a second one is logged")
}

// overlapped counts and logs a lease that was lost before anybody knew.
func (e *lockEvents) overlapped(k lockstore.Key) {
	e.leaseLost()
	e.ranOut.Warn().Stringer("session", k).Msg("lease lost, Redis had forgotten it and given it to another gate; of several in a second one is logged")
}

// refused logs what keeps the gate from being ready.
func (e *lockEvents) refused(words redisWords, err error) {
	switch {
	case err == nil:
		e.log.Info().Msg("this gate may share sessions with the others again")
	case errors.Is(err, lockstore.ErrFingerprint):
		e.log.Error().Str("reason", words.of(err)).Msg("this gate must not share sessions with the others, it is not ready")
	default:
		e.log.Error().Str("reason", words.of(err)).Msg("Redis cannot be worked with until somebody mends it, the gate is not ready")
	}
}

// troubled logs what is wrong with the servers.
func (e *lockEvents) troubled(words redisWords, err error) {
	e.log.Warn().Str("detail", words.of(err)).Msg("what is wrong with Redis")
}

// noticed logs what is doubtful when it is found, not each time that it is
// looked at.
func (e *lockEvents) noticed(message string) {
	e.mu.Lock()
	known := e.notice == message
	e.notice = message
	e.mu.Unlock()
	if !known {
		e.log.Warn().Str("detail", message).Msg("Redis is set up doubtfully")
	}
}
