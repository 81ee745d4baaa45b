// Package app builds the gate from a configuration and runs it: it opens the
// listeners, tells when the gate is ready, and stops it without losing what is
// under way.
//
// The life of an App is New, Start, Reload, Drain, Close. What can be wrong with a
// configuration beyond its text (a folder that is missing, a port that is
// taken) is found in New and Start, before the first request is taken. An
// upstream that is down is not such a thing: the gate starts and is not ready.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/admin"
	"github.com/sessiongate/sessiongate/internal/clientip"
	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/spool"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/loopback"
	"github.com/sessiongate/sessiongate/proxy/session"
)

// App is one gate with its listeners.
type App struct {
	level     logLevel
	log       zerolog.Logger
	registry  *prometheus.Registry
	gate      *proxy.Gate
	spool     *spool.Pool
	upstreams *upstreams
	locks     *locks
	limits    *limits
	ready     *readiness
	reloads   *reloadEvents
	files     startFiles

	public            *public
	admin             *adminServer
	publicAt, adminAt net.Listener
	inherited         inherited // that Start has not taken yet
	serving           sync.WaitGroup
	failed            chan error // a listener that broke; at most one a listener
	supervisor        Supervisor // nil: nobody

	reloading sync.Mutex // held by the one reload that is under way
	closed    bool       // there are none any more

	mu     sync.Mutex     // held while what the gate goes by is swapped
	config *config.Config // what it goes by
}

// New puts the gate together. It touches the disk but opens no listener.
func New(c *config.Config, version string, log zerolog.Logger) (*App, error) {
	registry := prometheus.NewRegistry()
	a := &App{config: c, registry: registry, failed: make(chan error, 2)}
	a.level.set(c.Log.Level)
	log = a.level.of(log)
	a.log = log
	mistakes, warnings := config.CheckFiles(c)
	a.warn(append(config.Warnings(c), warnings...))
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.reloads = newReloadEvents(registry, log)
	var err error
	if a.files, err = filesOfStart(c); err != nil {
		return nil, err
	}
	parts, err := a.parts(version, registry)
	if err != nil {
		return nil, errors.Join(err, a.giveBack())
	}
	setup, err := a.setup(c)
	if err != nil {
		return nil, errors.Join(err, a.giveBack())
	}
	events := newLockEvents(registry, log)
	events.leaseLost = parts.Metrics.LeaseOverlapped
	a.locks, err = newLocks(c, parts.Keys.Fingerprint(), events)
	if err != nil {
		return nil, errors.Join(err, a.giveBack())
	}
	registerDegraded(registry, func() bool { return a.locks.away() || a.limits.away() })
	a.ready = newReadiness(a.upstreams.readiness(c), a.locks.refused)
	operators, err := a.adminHandler(c)
	if err != nil {
		return nil, errors.Join(err, a.locks.close(), a.giveBack())
	}
	a.admin = newAdminServer(operators)
	parts.Locks = a.locks
	a.gate = proxy.New(parts, setup)
	a.gate.RegisterGauges(registry)
	a.public, err = newPublic(c.Server, a.handler(c.Server.ReadyPath, c.Server.ReadHeaderTimeout), a.gate.TrustsPeer, registry, log)
	if err != nil {
		return nil, errors.Join(err, a.locks.close(), a.giveBack())
	}
	return a, nil
}

// warn logs what may be meant as it stands in a configuration.
func (a *App) warn(warnings config.Errors) {
	for _, w := range warnings {
		a.log.Warn().Str("key", w.Path).Str("detail", w.Message).Msg("configuration")
	}
}

// parts makes what the gate needs and can fail to be had.
func (a *App) parts(version string, reg prometheus.Registerer) (proxy.Parts, error) {
	c := a.config
	a.limits = newLimits(newLimitEvents(reg, a.log))
	reg.MustRegister(newLimitStats(a.limits))
	secret, err := c.Session.HashKey()
	if err != nil {
		return proxy.Parts{}, err
	}
	metrics := proxy.NewMetrics(reg)
	a.upstreams = newUpstreams(version, metrics, reg, a.log)
	a.spool, err = spool.Open(c.Spool.Dir, spool.Limits{Memory: int64(c.Spool.MaxMemory), Disk: int64(c.Spool.MaxDisk)})
	if err != nil {
		return proxy.Parts{}, fmt.Errorf("spool.dir: %w", err)
	}
	seldom := a.log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}) // a full disk fails for every answer
	a.spool.OnDiskError = func(err error) {
		seldom.Error().Err(err).Str("dir", a.spool.Dir()).Msg("answers cannot be written to the spool, upstreams are slowed to their clients' pace")
	}
	return proxy.Parts{
		Keys:     session.NewHasher(secret),
		Loopback: loopback.NewSigner(secret),
		Spool:    a.spool,
		Metrics:  metrics,
		Log:      a.log,
	}, nil
}

// setup makes what the gate goes by. What the limits and the upstreams have in common
// with those in use goes on. The limits come last of what can fail, because they are
// in use as soon as they are there; so are the upstreams behind them.
func (a *App) setup(c *config.Config) (proxy.Setup, error) {
	compiled, err := compileRules(c)
	if err != nil {
		return proxy.Setup{}, err
	}
	refusals, err := c.Refusals.Page()
	if err != nil {
		return proxy.Setup{}, err
	}
	upstreams, err := a.upstreams.plan(c)
	if err != nil {
		return proxy.Setup{}, err
	}
	set, err := a.limits.next(c)
	if err != nil {
		return proxy.Setup{}, errors.Join(err, upstreams.discard())
	}
	return proxy.Setup{
		Rules:     compiled,
		Upstreams: upstreams.use(),
		Limits:    set,
		Clients:   clientip.New(c.Server.TrustedProxies),
		Page:      refusals,
		Settings:  settings(c),
	}, nil
}

func settings(c *config.Config) proxy.Settings {
	return proxy.Settings{
		BodyIdleTimeout:       c.Server.BodyIdleTimeout,
		MinBodyRate:           int64(c.Server.MinBodyRate),
		WriteIdleTimeout:      c.Server.WriteIdleTimeout,
		MaxStreams:            c.Server.MaxConnections,
		MaxUploading:          c.Server.MaxUploading,
		MaxUploadingPerClient: c.Server.MaxUploadingPerClient,
		MaxUpgraded:           c.Server.MaxUpgraded,
		MaxUpgradedPerClient:  c.Server.MaxUpgradedPerClient,
		UpgradedIdleTimeout:   c.Server.UpgradedIdleTimeout,
		MaxWaitingPerClient:   c.Lock.MaxWaitingPerClient,
		MaxWaitingTotal:       c.Lock.MaxWaitingTotal,
		BodyMemory:            int64(c.Spool.BodyMemory),
		ResponseMemory:        int64(c.Spool.ResponseMemory),
		MaxResponse:           int64(c.Spool.MaxResponse),
		MaxMemoryPerClient:    int64(c.Spool.MaxMemoryPerClient),
		MaxDiskPerClient:      int64(c.Spool.MaxDiskPerClient),
		LoopbackFrom:          clientip.NewNetworks(c.Server.LoopbackFrom),
		MaxLoopbackDepth:      c.Lock.MaxLoopbackDepth,
		AbortOnLostLease:      c.Lock.OnLeaseLost == config.LeaseLostAbort,
		LeaseTTL:              c.Lock.TTL,
		AccessLog:             c.Log.Access,
		SlowWait:              c.Log.SlowWait,
		SlowHold:              c.Log.SlowHold,
	}
}

// handler is the gate, and readiness beside it where a path is set. Both keys need a
// restart.
func (a *App) handler(path string, timeout time.Duration) http.Handler {
	if path == "" {
		return a.gate
	}
	// Clients learn whether, not why: reasons name sockets and owners.
	ready := admin.Readiness(func(ctx context.Context) []string {
		if len(a.ready.Reasons(ctx)) > 0 {
			return []string{"not ready"}
		}
		return nil
	}, nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout))
			ready(w, r)
			return
		}
		a.gate.ServeHTTP(w, r)
	})
}

// Start connects to Redis where that is the store, opens the listeners and
// serves until Drain or Close. Upstreams, or a Redis, that cannot be reached are
// logged. After an error, too, Close has to be called.
func (a *App) Start(ctx context.Context) error {
	if err := a.locks.start(ctx); err != nil {
		return err
	}
	c := a.current()
	if limit, known := descriptorLimit(); known {
		a.warn(config.DescriptorWarnings(c, limit))
	}
	err := a.limits.examine(ctx, c)
	if err == nil {
		err = a.limits.settle(ctx, c, a.overCluster)
	}
	if err != nil {
		return err
	}
	if err := a.open(ctx, c.Server.Listen, c.Admin.Listen); err != nil {
		return err
	}
	a.upstreams.start()
	a.serving.Go(func() { a.watch(a.admin.Serve(a.adminAt)) })
	a.public.listenOn(a.publicAt)
	a.serving.Go(func() { a.watch(a.public.serve()) })
	a.log.Info().Stringer("listen", a.publicAt.Addr()).Stringer("admin", a.adminAt.Addr()).Msg("serving")
	a.tellReady("")
	for _, reason := range a.ready.Reasons(ctx) {
		a.log.Warn().Str("reason", reason).Msg("not ready")
	}
	for _, aside := range a.ready.Asides(ctx) {
		a.log.Warn().Str("reason", aside).Msg("ready, but for what rules send to an upstream that is not")
	}
	return nil
}

// watch takes the error with which a server has ended.
func (a *App) watch(err error) {
	if !errors.Is(err, http.ErrServerClosed) {
		a.failed <- err
	}
}

// Failed gives an error when a listener breaks.
func (a *App) Failed() <-chan error { return a.failed }

// Address is where clients connect, after Start.
func (a *App) Address() net.Addr { return a.publicAt.Addr() }

// AdminAddress is where operators connect, after Start.
func (a *App) AdminAddress() net.Addr { return a.adminAt.Addr() }

// Drain stops the gate without losing requests: it is not ready at once, goes
// on accepting for drain_delay so that load balancers notice, and then lets
// running and waiting requests finish within drain_timeout. ctx ends it early.
// The error says how many requests were still under way.
func (a *App) Drain(ctx context.Context) error {
	a.ready.drain()
	delay := a.current().Server.DrainDelay
	a.log.Info().Dur("delay", delay).Msg("draining")
	a.tellStopping("draining: not ready, still accepting", delay, a.current().Server.DrainTimeout)
	wait(ctx, delay)
	t := a.current().Server.DrainTimeout
	a.tellStopping("draining: no longer accepting, requests under way finish", 0, t)
	if t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t, errDrainTimeout)
		defer cancel()
	}
	a.public.stopAccepting()
	a.gate.EndUpgraded()
	err := a.public.shutdown(ctx)
	if err == nil {
		err = a.gate.Drain(ctx)
	}
	if err != nil {
		return fmt.Errorf("requests still under way and cut off: %d: %w", a.gate.InFlight(), context.Cause(ctx))
	}
	a.log.Info().Msg("drained")
	return nil
}

var errDrainTimeout = errors.New("server.drain_timeout passed")

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Close cuts off whatever is still under way and gives everything back.
func (a *App) Close() error {
	a.endReloads()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	a.gate.Abort()
	answered, stop := context.WithTimeout(ctx, answerTimeout)
	defer stop()
	_ = a.gate.Drain(answered) // who still waits is cut off
	err := errors.Join(a.public.server.Close(), a.admin.Close())
	a.serving.Wait()
	if a.gate.Close(ctx) != nil {
		a.log.Warn().Int("requests", a.gate.InFlight()).Msg("requests did not end when they were cut off")
	}
	if untold := a.locks.close(); untold != nil { // every turn has ended, or as good as
		a.log.Warn().Err(untold).Msg("Redis could not be told of every turn that has ended, those leases run out by themselves")
	}
	return errors.Join(err, a.giveBack())
}

// endReloads returns when none is under way, and none begins any more.
func (a *App) endReloads() {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	a.closed = true
}

// giveBack closes what there is but for the store.
func (a *App) giveBack() error {
	var errs []error
	if a.limits != nil {
		errs = append(errs, a.limits.close())
	}
	if a.upstreams != nil {
		a.upstreams.close()
	}
	return errors.Join(append(errs, a.closeSpool())...)
}

const (
	// answerTimeout is how long the clients of requests that were cut off have
	// to take their 503.
	answerTimeout = 200 * time.Millisecond
	// closeTimeout is how long those requests have to give back what they hold.
	closeTimeout = time.Second
)

func (a *App) closeSpool() error {
	if a.spool == nil {
		return nil
	}
	return a.spool.Close()
}
