package fastcgi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// Env is what an *http.Request cannot say about itself: who the client is
// behind trusted proxies, and what it asked for before anything was rewritten.
type Env struct {
	// RemoteAddr is the client; zero where it has no address (a unix peer).
	RemoteAddr netip.Addr
	RemotePort uint16 // 0: unknown
	// ServerAddr is where the request was taken; zero for a unix socket.
	ServerAddr netip.Addr
	ServerPort uint16 // as the client sees it; 0: 443 with HTTPS, else 80
	// ServerName overrides the name in the Host header; "" does not.
	ServerName string
	// HTTPS: the client's side is TLS, here or at a trusted proxy.
	HTTPS bool
	// RequestURI is the request target as the client sent it; "" is the
	// request's own.
	RequestURI string
	// Fence is the turn's fencing token, passed as X-Sessiongate-Fence; 0: none.
	Fence uint64
	// Loopback is the token for requests to the own site, passed as
	// X-Sessiongate-Loopback; "": none.
	Loopback string
}

type envKey struct{}

// WithEnv adds the facts to the context of a request.
func WithEnv(ctx context.Context, env Env) context.Context {
	return context.WithValue(ctx, envKey{}, &env)
}

// envOf returns the request's Env, or derives one from the connection.
func envOf(req *http.Request) Env {
	if env, ok := req.Context().Value(envKey{}).(*Env); ok {
		return *env
	}
	env := Env{HTTPS: req.TLS != nil}
	if peer, err := netip.ParseAddrPort(req.RemoteAddr); err == nil {
		env.RemoteAddr, env.RemotePort = peer.Addr().Unmap(), peer.Port()
	}
	if local, ok := req.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		at := local.AddrPort()
		env.ServerAddr, env.ServerPort = at.Addr().Unmap(), at.Port()
	}
	return env
}
