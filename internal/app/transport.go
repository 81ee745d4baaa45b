package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/proxy/balance"
	"github.com/sessiongate/sessiongate/proxy/fastcgi"
	"github.com/sessiongate/sessiongate/proxy/keepalive"
)

// transport is what reaches one server, over either protocol.
type transport interface {
	http.RoundTripper
	// Check asks the server for a path; with an empty one it only connects.
	Check(ctx context.Context, path string) error
	SetConnectTimeout(timeout time.Duration)
	Close() error
}

// newServers makes a transport for each server.
func newServers(c *config.Upstream, version string, log zerolog.Logger) ([]*balance.Server, error) {
	servers := make([]*balance.Server, 0, len(c.Servers))
	for _, s := range c.Servers {
		reach, err := newTransport(c, s.Address, version, log)
		if err != nil {
			return nil, errors.Join(err, closeServers(servers))
		}
		server := balance.NewServer(s.Address, reach)
		server.MaxInFlight = s.MaxInFlight
		servers = append(servers, server)
	}
	return servers, nil
}

func closeServers(servers []*balance.Server) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Transport.(transport).Close())
	}
	return errors.Join(errs...)
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
		Stderr: func(req *http.Request, line string) {
			path := req.URL.Path[:min(len(req.URL.Path), maxLoggedPath)]
			log.Warn().Str("upstream", c.Name).Str("server", address).Str("request_id", req.Header.Get("X-Request-Id")).
				Str("path", path).Str("line", line).Msg("php stderr")
		},
	})
	if err != nil {
		return nil, errors.Join(err, script.Close())
	}
	return reach, nil
}

// maxLoggedPath is as much of a path as the access line has.
const maxLoggedPath = 1 << 10

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
