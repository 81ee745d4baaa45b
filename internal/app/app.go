// Package app builds the gate from a configuration and runs it: it opens the
// listeners, tells when the gate is ready, and stops it without losing what is
// under way.
//
// The life of an App is New, Start, Drain, Close. What can be wrong with a
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
	config    *config.Config
	log       zerolog.Logger
	gate      *proxy.Gate
	spool     *spool.Pool
	upstreams *upstreams
	locks     *locks
	limits    *limits
	ready     *readiness

	public            *public
	admin             *http.Server
	publicAt, adminAt net.Listener
	serving           sync.WaitGroup
	failed            chan error // a listener that broke; at most one a listener
}

// New puts the gate together. It touches the disk but opens no listener.
func New(c *config.Config, version string, log zerolog.Logger) (*App, error) {
	mistakes, warnings := config.CheckFiles(c)
	for _, w := range append(config.Warnings(c), warnings...) {
		log.Warn().Str("key", w.Path).Str("detail", w.Message).Msg("configuration")
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a := &App{config: c, log: log, failed: make(chan error, 2)}
	parts, err := a.parts(version, registry)
	if err != nil {
		return nil, errors.Join(err, a.giveBack())
	}
	token, err := c.Admin.BearerToken()
	if err != nil {
		return nil, errors.Join(err, a.giveBack())
	}
	setup, err := a.setup(c)
	if err != nil {
		return nil, errors.Join(err, a.giveBack())
	}
	parts.Metrics = proxy.NewMetrics(registry)
	events := newLockEvents(registry, log)
	events.leaseLost = parts.Metrics.LeaseOverlapped
	a.locks, err = newLocks(c, parts.Keys.Fingerprint(), events)
	if err != nil {
		return nil, errors.Join(err, a.giveBack())
	}
	registerDegraded(registry, func() bool { return a.locks.away() || a.limits.away() })
	a.ready = newReadiness(a.upstreams.readiness(c), a.locks.refused)
	parts.Locks = a.locks
	a.gate = proxy.New(parts, setup)
	a.gate.RegisterGauges(registry)
	a.public, err = newPublic(c.Server, a.handler(), a.gate.TrustsPeer, registry, log)
	if err != nil {
		return nil, errors.Join(err, a.locks.close(), a.giveBack())
	}
	a.public.server.RegisterOnShutdown(a.gate.EndUpgraded)
	a.admin = &http.Server{
		Handler:           admin.New(admin.Options{Gatherer: registry, Ready: a.ready.Reasons, Token: token, PProf: c.Admin.PProf}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	return a, nil
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
	if a.upstreams, err = newUpstreams(c, version, reg, a.log); err != nil {
		return proxy.Parts{}, err
	}
	a.spool, err = spool.Open(c.Spool.Dir, spool.Limits{Memory: int64(c.Spool.MaxMemory), Disk: int64(c.Spool.MaxDisk)})
	if err != nil {
		return proxy.Parts{}, fmt.Errorf("spool.dir: %w", err)
	}
	seldom := a.log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second}) // a full disk fails for every answer
	a.spool.OnDiskError = func(err error) {
		seldom.Error().Err(err).Str("dir", a.spool.Dir()).Msg("answers cannot be written to the spool, upstreams are slowed to their clients' pace")
	}
	return proxy.Parts{
		Keys:      session.NewHasher(secret),
		Loopback:  loopback.NewSigner(secret),
		Spool:     a.spool,
		Upstreams: a.upstreams.list,
		Log:       a.log,
	}, nil
}

// use has the requests that come from now on go by a configuration. Where there is
// an error nothing has changed.
func (a *App) use(c *config.Config) error {
	setup, err := a.setup(c)
	if err != nil {
		return err
	}
	a.locks.bound(waitingLimits(c))
	a.gate.Use(setup)
	return nil
}

// setup makes what the gate goes by. What the limits have in common with those in
// use goes on; they come last, because they are in use as soon as they are there.
func (a *App) setup(c *config.Config) (proxy.Setup, error) {
	compiled, err := compileRules(c)
	if err != nil {
		return proxy.Setup{}, err
	}
	refusals, err := c.Refusals.Page()
	if err != nil {
		return proxy.Setup{}, err
	}
	set, err := a.limits.next(c)
	if err != nil {
		return proxy.Setup{}, err
	}
	return proxy.Setup{
		Rules:    compiled,
		Limits:   set,
		Clients:  clientip.New(c.Server.TrustedProxies),
		Page:     refusals,
		Settings: settings(c),
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
		LoopbackFrom:          clientip.NewNetworks(c.Server.LoopbackFrom),
		MaxLoopbackDepth:      c.Lock.MaxLoopbackDepth,
		AbortOnLostLease:      c.Lock.OnLeaseLost == config.LeaseLostAbort,
		LeaseTTL:              c.Lock.TTL,
		AccessLog:             c.Log.Access,
		SlowWait:              c.Log.SlowWait,
		SlowHold:              c.Log.SlowHold,
	}
}

// handler is the gate, and readiness beside it where a path is set.
func (a *App) handler() http.Handler {
	path := a.config.Server.ReadyPath
	if path == "" {
		return a.gate
	}
	// Clients learn whether, not why: reasons name sockets and owners.
	ready := admin.Readiness(func(ctx context.Context) []string {
		if len(a.ready.Reasons(ctx)) > 0 {
			return []string{"not ready"}
		}
		return nil
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(a.config.Server.ReadHeaderTimeout))
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
	err := a.limits.start(ctx, a.config, a.overCluster)
	if err != nil {
		return err
	}
	if a.adminAt, err = listen(ctx, "admin.listen", a.config.Admin.Listen, false); err != nil {
		return err
	}
	if a.publicAt, err = listen(ctx, "server.listen", a.config.Server.Listen, true); err != nil {
		return errors.Join(err, a.adminAt.Close())
	}
	a.upstreams.start()
	a.serving.Go(func() { a.watch(a.admin.Serve(a.adminAt)) })
	a.serving.Go(func() { a.watch(a.public.serve(a.publicAt)) })
	a.log.Info().Stringer("listen", a.publicAt.Addr()).Stringer("admin", a.adminAt.Addr()).Msg("serving")
	for _, reason := range a.ready.Reasons(ctx) {
		a.log.Warn().Str("reason", reason).Msg("not ready")
	}
	return nil
}

// overCluster has shared limits counted in a cluster: it has shown to be one.
func (a *App) overCluster() {
	err := a.limits.overCluster(a.config)
	if err == nil {
		err = a.use(a.config)
	}
	if err != nil {
		a.log.Error().Err(err).Msg("shared limits cannot be counted in the cluster, each gate counts by itself")
	}
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
	a.log.Info().Dur("delay", a.config.Server.DrainDelay).Msg("draining")
	wait(ctx, a.config.Server.DrainDelay)
	if t := a.config.Server.DrainTimeout; t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t, errDrainTimeout)
		defer cancel()
	}
	err := a.public.server.Shutdown(ctx)
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

// giveBack closes what there is but for the store.
func (a *App) giveBack() error {
	var errs []error
	if a.limits != nil {
		errs = append(errs, a.limits.close())
	}
	if a.upstreams != nil {
		errs = append(errs, a.upstreams.close())
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
