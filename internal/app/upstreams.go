package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/fastcgi"
	"github.com/sessiongate/sessiongate/proxy/files"
	"github.com/sessiongate/sessiongate/proxy/keepalive"
)

// upstreams are all pools of servers, with the goroutines that check them.
type upstreams struct {
	list    []*proxy.Upstream
	checked []bool // of each: all of its servers, by a path

	checking sync.WaitGroup
	stop     context.CancelFunc // ends the checks; nil before start
}

// transport is what reaches one server, over either protocol.
type transport interface {
	http.RoundTripper
	// Check asks the server for a path; with an empty one it only connects.
	Check(ctx context.Context, path string) error
	Close() error
}

// newUpstreams makes a transport for each server. Nothing is dialled: an
// upstream that is down makes the gate not ready, not fail.
func newUpstreams(c *config.Config, version string, reg prometheus.Registerer, log zerolog.Logger) (*upstreams, error) {
	u := &upstreams{}
	events := newServerEvents(u, reg, log)
	for i := range c.Upstreams {
		one, err := newUpstream(&c.Upstreams[i], version, events, log)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("upstreams[%d]: %w", i, err), u.close())
		}
		u.list, u.checked = append(u.list, one), append(u.checked, c.Upstreams[i].Health.Path != "")
	}
	return u, nil
}

func newUpstream(c *config.Upstream, version string, events *serverEvents, log zerolog.Logger) (*proxy.Upstream, error) {
	u := decidedUpstream(c)
	u.Host, u.ResponseTimeout = hostOf(c.Servers[0].Address), c.ResponseTimeout
	if c.Files {
		var err error
		if u.Files, err = files.Open(c.LocalRoot); err != nil {
			return nil, err
		}
	}
	servers, err := newServers(c, version, events, log)
	if err != nil {
		return nil, errors.Join(err, closeFiles(u))
	}
	u.Servers = balance.New(balance.Options{
		Method:   method(c.Balance),
		Fall:     c.Health.Fall,
		Rise:     c.Health.Rise,
		Interval: c.Health.Interval,
		Timeout:  c.Health.Timeout,
		Check: func(ctx context.Context, s *balance.Server) error {
			return s.Transport.(transport).Check(ctx, c.Health.Path)
		},
		Always: c.Health.Path != "",
		Out:    func(s *balance.Server, why error) { events.out(c.Name, s, why) },
		In:     func(s *balance.Server) { events.in(c.Name, s) },

		MaxInFlightPerClient: c.MaxInFlightPerClient,
		Reserve:              c.LoopbackReserve,
		MaxQueued:            c.Queue.Max,
	}, servers...)
	return u, nil
}

// decidedUpstream is an upstream as far as the decision about a request depends
// on it.
func decidedUpstream(c *config.Upstream) *proxy.Upstream {
	u := &proxy.Upstream{Name: c.Name, FastCGI: c.Protocol == config.ProtocolFastCGI, IndexScript: c.IndexScript}
	// What a server over HTTP runs is not known here: it may be a tree of scripts.
	u.Scripts = !u.FastCGI || c.Script != config.ScriptFront
	return u
}

// newServers makes a transport for each server.
func newServers(c *config.Upstream, version string, events *serverEvents, log zerolog.Logger) ([]*balance.Server, error) {
	servers := make([]*balance.Server, 0, len(c.Servers))
	for _, s := range c.Servers {
		reach, err := newTransport(c, s.Address, version, log)
		if err != nil {
			return nil, errors.Join(err, closeServers(servers))
		}
		events.expect(c.Name, s.Address)
		server := balance.NewServer(s.Address, reach)
		server.MaxInFlight = s.MaxInFlight
		servers = append(servers, server)
	}
	return servers, nil
}

// hostOf is the Host that a server sees where the client has sent none.
func hostOf(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return "localhost"
	}
	return address
}

func newTransport(c *config.Upstream, address, version string, log zerolog.Logger) (transport, error) {
	if c.Protocol == config.ProtocolHTTP {
		return keepalive.New(address, c.ConnectTimeout)
	}
	script, err := fastcgi.NewResolver(scriptMode(c.Script), c.IndexScript, c.LocalRoot)
	if err != nil {
		return nil, err
	}
	params := make([]fastcgi.Param, len(c.Params))
	for i, p := range c.Params {
		params[i] = fastcgi.Param{Name: p.Name, Value: p.Value}
	}
	reach, err := fastcgi.New(fastcgi.Options{
		Address:        address,
		ConnectTimeout: c.ConnectTimeout,
		Root:           c.Root,
		Script:         script,
		Params:         params,
		ServerSoftware: "sessiongate/" + version,
		Stderr: func(_ context.Context, line string) {
			log.Warn().Str("upstream", c.Name).Str("server", address).Str("line", line).Msg("php stderr")
		},
	})
	if err != nil {
		return nil, errors.Join(err, script.Close())
	}
	return reach, nil
}

// start has the servers checked until close.
func (u *upstreams) start() {
	ctx, stop := context.WithCancel(context.Background())
	u.stop = stop
	for _, one := range u.list {
		u.checking.Go(func() { one.Servers.Watch(ctx) })
	}
}

// close ends the checks and gives back what the upstreams keep.
func (u *upstreams) close() error {
	if u.stop != nil {
		u.stop()
		u.checking.Wait()
	}
	var errs []error
	for _, one := range u.list {
		var servers []*balance.Server
		for _, s := range one.Servers.Status() {
			servers = append(servers, s.Server)
		}
		errs = append(errs, closeServers(servers), closeFiles(one))
	}
	return errors.Join(errs...)
}

func closeFiles(u *proxy.Upstream) error {
	if u.Files == nil {
		return nil
	}
	return u.Files.Close()
}

func closeServers(servers []*balance.Server) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Transport.(transport).Close())
	}
	return errors.Join(errs...)
}

// readiness is what has to take connections for the gate to be ready.
func (u *upstreams) readiness(c *config.Config) []readyUpstream {
	list := make([]readyUpstream, len(u.list))
	for i, one := range u.list {
		list[i] = readyUpstream{name: one.Name, servers: one.Servers, checked: u.checked[i], timeout: dialTimeout}
		if t := c.Upstreams[i].ConnectTimeout; t > 0 {
			list[i].timeout = min(t, dialTimeout)
		}
	}
	return list
}

// dialTimeout bounds a readiness check of one server.
const dialTimeout = 2 * time.Second

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

func scriptMode(s config.Script) fastcgi.ScriptMode {
	switch s {
	case config.ScriptTry:
		return fastcgi.ScriptTry
	case config.ScriptPath:
		return fastcgi.ScriptPath
	case config.ScriptFront:
	}
	return fastcgi.ScriptFront
}
