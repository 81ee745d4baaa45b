package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
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
}

// newPublic makes the server and reads its certificate.
func newPublic(s config.Server, h http.Handler, trusts func(peer string) bool, reg prometheus.Registerer, log zerolog.Logger) (*public, error) {
	events := newPublicEvents(reg, log)
	p := &public{events: events, bound: listener.NewBound(s.MaxConnections, listener.BoundEvents{Reached: events.boundReached, Shed: events.shed.Inc})}
	p.server = proxy.NewServer(h, proxy.ServerLimits{
		ReadHeaderTimeout: s.ReadHeaderTimeout,
		BodyIdleTimeout:   s.BodyIdleTimeout,
		WriteIdleTimeout:  s.WriteIdleTimeout,
		IdleTimeout:       s.IdleTimeout,
		MaxHeaderSize:     int(s.MaxHeaderSize),
		HTTP2Error:        events.http2Error,
	}, log)
	ours := p.server.ConnState
	p.server.ConnState = func(c net.Conn, state http.ConnState) {
		ours(c, state)
		p.bound.ConnState(c, state)
	}
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

// serve takes connections from l until the server is closed.
func (p *public) serve(l net.Listener) error {
	l = p.bound.Listener(l)
	if p.proxies != nil {
		l = p.proxies.Listener(l)
	}
	if p.certificate == nil {
		return p.server.Serve(l)
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
	return p.server.ServeTLS(l, "", "")
}
