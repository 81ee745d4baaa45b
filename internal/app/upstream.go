package app

import (
	"context"
	"reflect"
	"time"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/files"
)

// upstream is a pool of servers with one application. It goes on over reloads for
// as long as that is the same; servers, bounds and health are the pool's to change.
type upstream struct {
	name string
	application
	pool  *balance.Pool
	files *files.Tree // nil: none are served

	// Guarded by the mutex of upstreams.
	addresses []string           // of the servers in the configuration
	users     int                // setups by which requests go
	stop      context.CancelFunc // ends the checks; nil: there are none
}

// application is what makes an upstream another one under the same name: what its
// servers run, and how paths are read there. A request that was decided about under
// one application must not run under another. What is not taken out here belongs to
// it, so that a new key is safe until somebody has looked at it.
type application struct{ config.Upstream }

func applicationOf(c *config.Upstream) application {
	a := *c
	a.Servers, a.Balance, a.MaxInFlightPerClient, a.LoopbackReserve, a.Queue = nil, "", 0, 0, config.Queue{}
	if len(a.Params) == 0 {
		a.Params = nil
	}
	a.ConnectTimeout, a.ResponseTimeout, a.AbandonedTimeout = 0, 0, 0
	a.Session, a.Health = config.SessionNames{}, config.Health{}
	return application{a}
}

func (a application) equal(c *config.Upstream) bool { return reflect.DeepEqual(a, applicationOf(c)) }

func newUpstream(c *config.Upstream) (*upstream, error) {
	u := &upstream{name: c.Name, application: applicationOf(c), pool: balance.New(balance.Options{})}
	if c.Files {
		var err error
		if u.files, err = files.Open(c.LocalRoot); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// options are those of the pool.
func (u *upstreams) options(one *upstream, c *config.Upstream) balance.Options {
	return balance.Options{
		Method:   method(c.Balance),
		Fall:     c.Health.Fall,
		Rise:     c.Health.Rise,
		Interval: c.Health.Interval,
		Timeout:  c.Health.Timeout,
		Check: func(ctx context.Context, s *balance.Server) error {
			return s.Transport.(transport).Check(ctx, c.Health.Path)
		},
		Always: c.Health.Path != "",
		Out:    func(s *balance.Server, why error) { u.events.out(one.name, s, why) },
		In:     func(s *balance.Server) { u.events.in(one.name, s) },
		Gone:   func(s *balance.Server) { u.gone(one.name, s) },

		MaxInFlightPerClient: c.MaxInFlightPerClient,
		Reserve:              c.LoopbackReserve,
		MaxQueued:            c.Queue.Max,
	}
}

// proxied is the upstream as requests see it.
func (u *upstream) proxied(c *config.Upstream) *proxy.Upstream {
	p := decidedUpstream(c)
	p.Servers, p.Files = u.pool, u.files
	p.Host = hostOf(c.Servers[0].Address)
	p.ResponseTimeout, p.AbandonedTimeout = c.ResponseTimeout, c.AbandonedTimeout
	return p
}

// decidedUpstream is an upstream as far as the decision about a request depends
// on it.
func decidedUpstream(c *config.Upstream) *proxy.Upstream {
	u := &proxy.Upstream{Name: c.Name, FastCGI: c.Protocol == config.ProtocolFastCGI, IndexScript: c.IndexScript}
	// What a server over HTTP runs is not known here: it may be a tree of scripts.
	u.Scripts = !u.FastCGI || c.Script != config.ScriptFront
	return u
}

// retire ends the checks. Servers are what the pool still has.
func (u *upstream) retire() {
	u.addresses = nil
	if u.stop != nil {
		u.stop()
	}
}

func (u *upstream) closeFiles() error {
	if u.files == nil {
		return nil
	}
	return u.files.Close()
}

func addressesOf(c *config.Upstream) []string {
	list := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		list[i] = s.Address
	}
	return list
}

// limitConnecting sets the time-out of connections, also of servers that stay.
func limitConnecting(pool *balance.Pool, timeout time.Duration) {
	for _, s := range pool.Status() {
		s.Server.Transport.(transport).SetConnectTimeout(timeout)
	}
}

func method(b config.Balance) balance.Method {
	switch b {
	case config.BalanceRoundRobin:
		return balance.RoundRobin
	case config.BalanceSession:
		return balance.Session
	case config.BalanceLeastInFlight:
	}
	return balance.LeastInFlight
}
