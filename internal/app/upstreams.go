package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/balance"
)

// upstreams are those that the gate goes by, and those of configurations before as
// long as requests go by them. Configurations come one after another; requests end
// at any time.
type upstreams struct {
	version string
	metrics *proxy.Metrics
	events  *serverEvents
	log     zerolog.Logger

	checking sync.WaitGroup

	mu      sync.Mutex
	list    []*upstream // in the order of the configuration
	retired []*upstream // of configurations before
	started bool        // servers are checked
	closed  bool
}

func newUpstreams(version string, metrics *proxy.Metrics, reg prometheus.Registerer, log zerolog.Logger) *upstreams {
	u := &upstreams{version: version, metrics: metrics, log: log}
	u.events = newServerEvents(u.all, reg, log)
	return u
}

// plan is what a configuration needs of upstreams: all that can fail has been made,
// and nothing is in use. It is followed by use or discard.
type plan struct {
	of   *upstreams
	each []planned
}

type planned struct {
	*upstream
	config  *config.Upstream
	isNew   bool              // the upstream
	servers []*balance.Server // made anew, also where the upstream has one of that address
}

// plan makes what a configuration needs. Nothing is dialled: an upstream that is
// down makes the gate not ready, not fail.
func (u *upstreams) plan(c *config.Config) (*plan, error) {
	p := &plan{of: u}
	for i := range c.Upstreams {
		one, err := u.planOne(&c.Upstreams[i])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("upstreams[%d]: %w", i, err), p.discard())
		}
		p.each = append(p.each, one)
	}
	return p, nil
}

func (u *upstreams) planOne(c *config.Upstream) (planned, error) {
	p := planned{config: c, upstream: u.same(c)}
	var err error
	if p.upstream == nil {
		p.isNew = true
		if p.upstream, err = newUpstream(c); err != nil {
			return p, err
		}
	}
	if p.servers, err = newServers(c, u.version, u.log); err != nil {
		return p, errors.Join(err, p.discard())
	}
	return p, nil
}

// same finds the upstream in use that goes on as this one; nil: there is none.
func (u *upstreams) same(c *config.Upstream) *upstream {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, one := range u.list {
		if one.application.equal(c) {
			return one
		}
	}
	return nil
}

func (p *plan) discard() error {
	var errs []error
	for i := range p.each {
		errs = append(errs, p.each[i].discard())
	}
	return errors.Join(errs...)
}

func (p *planned) discard() error {
	err := closeServers(p.servers)
	if p.isNew {
		err = errors.Join(err, p.closeFiles())
	}
	return err
}

// use puts the plan into effect, for the gate's next setup. Upstreams that are not
// in it are kept for those who have chosen them, and are checked no more.
func (p *plan) use() []*proxy.Upstream {
	p.of.replace(p)
	list := make([]*proxy.Upstream, len(p.each))
	for i := range p.each {
		one := &p.each[i]
		unused := one.pool.Set(p.of.options(one.upstream, one.config), one.servers...)
		if err := closeServers(unused); err != nil {
			p.of.log.Warn().Err(err).Str("upstream", one.name).Msg("a folder of scripts cannot be closed")
		}
		limitConnecting(one.pool, one.config.ConnectTimeout)
		list[i] = one.proxied(one.config)
		list[i].Ended = func() { p.of.release(one.upstream) }
	}
	return list
}

// replace makes the list that of a plan.
func (u *upstreams) replace(p *plan) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := u.list
	u.list = make([]*upstream, len(p.each))
	for i := range p.each {
		one := &p.each[i]
		u.list[i] = one.upstream
		one.users++
		one.addresses = addressesOf(one.config)
		for _, address := range one.addresses {
			u.events.expect(one.name, address)
		}
		u.watchLocked(one.upstream)
	}
	for _, one := range before {
		if !slices.Contains(u.list, one) {
			one.retire()
			u.retired = append(u.retired, one)
		}
	}
}

// watchLocked has the servers of an upstream checked, once start was called.
func (u *upstreams) watchLocked(one *upstream) {
	if u.started && one.stop == nil {
		var ctx context.Context
		ctx, one.stop = context.WithCancel(context.Background())
		u.checking.Go(func() { one.pool.Watch(ctx) })
	}
}

// start has the servers checked until close.
func (u *upstreams) start() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.started = true
	for _, one := range u.list {
		u.watchLocked(one)
	}
}

// release is called when a setup has ended, and nobody goes by an upstream any more
// who has chosen it under that.
func (u *upstreams) release(one *upstream) {
	u.mu.Lock()
	one.users--
	at := slices.Index(u.retired, one)
	ends := one.users == 0 && at >= 0
	if ends {
		u.retired = slices.Delete(u.retired, at, at+1)
		if !slices.ContainsFunc(u.list, func(other *upstream) bool { return other.name == one.name }) {
			u.metrics.ForgetUpstream(one.name)
		}
	}
	u.mu.Unlock()
	if ends {
		u.end(one)
	}
}

// end gives back what an upstream keeps that nobody goes by.
func (u *upstreams) end(one *upstream) {
	one.pool.Clear()
	if err := one.closeFiles(); err != nil {
		u.log.Warn().Err(err).Str("upstream", one.name).Msg("a folder of files cannot be closed")
	}
}

// gone is told of a server that nothing uses any more.
func (u *upstreams) gone(name string, s *balance.Server) {
	if err := s.Transport.(transport).Close(); err != nil {
		u.log.Warn().Err(err).Str("upstream", name).Str("server", s.Address).Msg("a folder of scripts cannot be closed")
	}
	if u.forget(name, s.Address) {
		u.events.gone(name, s)
	}
}

// forget drops the counters of a server; false: the configuration has one of that
// address, or the gate ends.
func (u *upstreams) forget(name, address string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	stays := slices.ContainsFunc(u.list, func(one *upstream) bool {
		return one.name == name && slices.Contains(one.addresses, address)
	})
	if stays || u.closed {
		return false
	}
	u.metrics.ForgetServer(name, address)
	u.events.forget(name, address)
	return true
}

// readiness is what is asked whether the gate is ready.
func (u *upstreams) readiness(c *config.Config) []readyUpstream {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make([]readyUpstream, len(u.list))
	for i, one := range u.list {
		list[i] = readyUpstream{name: one.name, servers: one.pool, checked: c.Upstreams[i].Health.Path != "", timeout: dialTimeout}
		if t := c.Upstreams[i].ConnectTimeout; t > 0 {
			list[i].timeout = min(t, dialTimeout)
		}
		if c.Upstreams[i].LooksAtFiles() {
			list[i].root = newReadyRoot(c.Upstreams[i].LocalRoot)
		}
	}
	return list
}

// dialTimeout bounds a readiness check of one upstream.
const dialTimeout = 2 * time.Second

// close ends the checks and gives back what the upstreams keep.
func (u *upstreams) close() {
	u.mu.Lock()
	u.closed = true
	all := slices.Concat(u.list, u.retired)
	u.list, u.retired = nil, nil
	for _, one := range all {
		one.retire()
	}
	u.mu.Unlock()
	u.checking.Wait()
	for _, one := range all {
		u.end(one)
	}
}

// all are those of the configuration, and those of configurations before.
func (u *upstreams) all() (list, retired []*upstream) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.list, slices.Clone(u.retired)
}
