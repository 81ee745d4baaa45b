package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/listener"
	"github.com/sessiongate/sessiongate/proxy"
)

// certificateInterval is how often the certificate's files are looked at: two
// calls of stat.
const certificateInterval = time.Second

// public is the listener that faces clients, with what stands before its
// server.
type public struct {
	server      *http.Server
	bound       *listener.Bound
	proxies     *listener.ProxyProtocol // nil: the PROXY protocol is not spoken
	certificate *listener.Certificate   // nil: plain HTTP
	events      *publicEvents
	unheard     *listener.Unheard

	accepting net.Listener  // since listenOn
	stopping  atomic.Bool   // it accepts no more
	ended     chan struct{} // closed when nothing is accepted any more
}

// firstRequestTime is how long a client that was accepted has to say what it came
// for when the gate ends: as long as net/http gives it.
const firstRequestTime = 5 * time.Second

// newPublic makes the server and reads its certificate.
func newPublic(s config.Server, h http.Handler, trusts func(peer string) bool, reg prometheus.Registerer, log zerolog.Logger) (*public, error) {
	events := newPublicEvents(reg, log)
	p := &public{events: events, unheard: listener.NewUnheard(), ended: make(chan struct{}), bound: listener.NewBound(s.MaxConnections, listener.BoundEvents{Reached: events.boundReached, Shed: events.gaveWay})}
	p.server = proxy.NewServer(h, proxy.ServerLimits{
		ReadHeaderTimeout: s.ReadHeaderTimeout,
		BodyIdleTimeout:   s.BodyIdleTimeout,
		WriteIdleTimeout:  s.WriteIdleTimeout,
		IdleTimeout:       s.IdleTimeout,
		MaxHeaderSize:     int(s.MaxHeaderSize),
		HTTP2Error:        events.http2Error,
	}, log)
	ours, with := p.server.ConnState, p.server.ConnContext
	p.server.ConnState = func(c net.Conn, state http.ConnState) {
		ours(c, state)
		p.unheard.ConnState(c, state)
		p.bound.ConnState(c, state)
	}
	p.server.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return p.unheard.ConnContext(with(ctx, c), c) }
	p.server.Handler = p.unheard.Handler(p.server.Handler)
	if s.ProxyProtocol {
		p.proxies = &listener.ProxyProtocol{Trusted: trusts, Timeout: s.ReadHeaderTimeout, Refused: events.proxyRefused}
	}
	events.registerOpen(reg, p.bound)
	if s.TLS.CertFile == "" {
		return p, nil
	}
	var err error
	if p.certificate, err = listener.NewCertificate(s.TLS.CertFile, s.TLS.KeyFile, s.TLS.Pair); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	events.registerCertificate(reg, p.certificate)
	p.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.certificate.For}
	return p, nil
}

// listenOn has connections taken from l.
func (p *public) listenOn(l net.Listener) {
	p.accepting = p.bound.Listener(l)
	if p.proxies != nil {
		p.accepting = p.proxies.Listener(p.accepting)
	}
}

// serve takes connections until the server is closed, or stopAccepting is called.
func (p *public) serve() error {
	defer close(p.ended)
	err := p.accept()
	if p.stopping.Load() {
		return http.ErrServerClosed
	}
	return err
}

// stopAccepting returns when no connection is accepted any more. What was, is still
// served.
func (p *public) stopAccepting() {
	p.stopping.Store(true)
	p.server.SetKeepAlivesEnabled(false)
	_ = p.accepting.Close() // it may have broken
	<-p.ended
}

// shutdown is for after stopAccepting. It lets clients that were accepted say what
// they came for, and waits until they are all served, or ctx ends.
func (p *public) shutdown(ctx context.Context) error {
	first, enough := context.WithTimeout(ctx, firstRequestTime)
	defer enough()
	p.unheard.Wait(first)
	return p.server.Shutdown(ctx)
}

func (p *public) accept() error {
	if p.certificate == nil {
		return p.server.Serve(p.accepting)
	}
	watching, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.certificate.Watch(watching, certificateInterval, p.events.reloaded)
	}()
	defer func() {
		stop()
		<-ended
	}()
	return p.server.ServeTLS(p.accepting, "", "")
}
