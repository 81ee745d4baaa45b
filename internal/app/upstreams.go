package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/proxy"
	"github.com/sessiongate/sessiongate/proxy/fastcgi"
	"github.com/sessiongate/sessiongate/proxy/files"
)

// newUpstreams makes a transport for each upstream. Nothing is dialled: an
// upstream that is down makes the gate not ready, not fail.
func newUpstreams(c *config.Config, version string, log zerolog.Logger) ([]*proxy.Upstream, error) {
	upstreams := make([]*proxy.Upstream, len(c.Upstreams))
	for i := range c.Upstreams {
		u, err := newUpstream(&c.Upstreams[i], version, log)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("upstreams[%d]: %w", i, err), closeUpstreams(upstreams[:i]))
		}
		upstreams[i] = u
	}
	return upstreams, nil
}

func newUpstream(c *config.Upstream, version string, log zerolog.Logger) (*proxy.Upstream, error) {
	u := &proxy.Upstream{Name: c.Name, Address: c.Servers[0].Address, ResponseTimeout: c.ResponseTimeout}
	if c.Protocol == config.ProtocolHTTP {
		u.Transport = proxy.NewHTTPTransport(u.Address, c.ConnectTimeout)
		return u, nil
	}
	u.FastCGI, u.IndexScript, u.Scripts = true, c.IndexScript, c.Script != config.ScriptFront
	transport, err := newFastCGI(c, version, log)
	if err != nil {
		return nil, err
	}
	u.Transport = transport
	if c.Files {
		if u.Files, err = files.Open(c.LocalRoot); err != nil {
			return nil, errors.Join(err, transport.Close())
		}
	}
	return u, nil
}

func newFastCGI(c *config.Upstream, version string, log zerolog.Logger) (*fastcgi.Transport, error) {
	script, err := fastcgi.NewResolver(scriptMode(c.Script), c.IndexScript, c.LocalRoot)
	if err != nil {
		return nil, err
	}
	params := make([]fastcgi.Param, len(c.Params))
	for i, p := range c.Params {
		params[i] = fastcgi.Param{Name: p.Name, Value: p.Value}
	}
	return fastcgi.New(fastcgi.Options{
		Address:        c.Servers[0].Address,
		ConnectTimeout: c.ConnectTimeout,
		Root:           c.Root,
		Script:         script,
		Params:         params,
		ServerSoftware: "sessiongate/" + version,
		Stderr: func(_ context.Context, line string) {
			log.Warn().Str("upstream", c.Name).Str("line", line).Msg("php stderr")
		},
	})
}

// closeUpstreams gives back what the transports keep.
func closeUpstreams(list []*proxy.Upstream) error {
	var errs []error
	for _, u := range list {
		if u.Files != nil {
			errs = append(errs, u.Files.Close())
		}
		switch transport := u.Transport.(type) {
		case *fastcgi.Transport:
			errs = append(errs, transport.Close())
		case *http.Transport:
			transport.CloseIdleConnections()
		}
	}
	return errors.Join(errs...)
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

// addresses are what readiness dials.
func addresses(c *config.Config) []upstreamAddress {
	list := make([]upstreamAddress, len(c.Upstreams))
	for i, u := range c.Upstreams {
		list[i] = upstreamAddress{name: u.Name, address: u.Servers[0].Address, timeout: min(dialTimeout, u.ConnectTimeout)}
		if list[i].timeout <= 0 {
			list[i].timeout = dialTimeout
		}
	}
	return list
}

// dialTimeout bounds a readiness check of one upstream.
const dialTimeout = 2 * time.Second
