package lockstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// heard is a connection that remembers how the other side's words begin.
type heard struct {
	net.Conn

	first []byte
}

// enough tells protocols apart, and is fit to be shown.
const enough = 24

// Read remembers what it reads.
func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.first = append(h.first, p[:min(n, enough-len(h.first))]...)
	return n, err
}

// isReply says that the words begin as an answer of Redis does.
func (h *heard) isReply() bool {
	return len(h.first) > 0 && strings.IndexByte("+-:$*%~_,#(=!>|", h.first[0]) >= 0
}

// isAlert says that the words are TLS for "this is no TLS".
func (h *heard) isAlert() bool { return len(h.first) > 1 && h.first[0] == 0x15 && h.first[1] == 3 }

// dial connects as the store's clients do.
func (e *examination) dial(ctx context.Context) (*heard, *ServerError) {
	plain, err := e.connect(ctx)
	if err != nil {
		return nil, e.fault(FaultUnreachable, err)
	}
	if e.options.TLS == nil {
		return &heard{Conn: plain}, nil
	}
	below := &heard{Conn: plain}
	conn := tls.Client(below, e.encryption())
	if err = e.handshake(ctx, conn); err == nil {
		return &heard{Conn: conn}, nil
	}
	_ = conn.Close()
	return nil, e.untrusted(ctx, below, err)
}

// connect makes a connection without TLS.
func (e *examination) connect(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: e.options.Timeout}
	if path, ok := strings.CutPrefix(e.address, "unix:"); ok {
		return d.DialContext(ctx, "unix", path)
	}
	return d.DialContext(ctx, "tcp", e.address)
}

func (e *examination) handshake(ctx context.Context, conn *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, e.options.Timeout)
	defer cancel()
	return conn.HandshakeContext(ctx)
}

// encryption is the TLS of the store's clients, who expect the address's host in
// the certificate.
func (e *examination) encryption() *tls.Config {
	c := e.options.TLS.Clone()
	if host, _, err := net.SplitHostPort(e.address); err == nil && c.ServerName == "" {
		c.ServerName = host
	}
	return c
}

// untrusted says why no TLS came about.
func (e *examination) untrusted(ctx context.Context, below *heard, err error) *ServerError {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return e.fault(FaultHostName, err)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e.fault(FaultUntrusted, err)
	}
	if isRefusal(err) {
		return e.fault(FaultHandshake, err)
	}
	if below.isReply() {
		return e.fault(FaultPlain, fmt.Errorf("it answers %q", below.first))
	}
	if len(below.first) > 0 && below.first[0] != 0x16 {
		return e.fault(FaultNotRedis, fmt.Errorf("it answers %q", below.first))
	}
	// Redis takes the handshake for a command without an end, and waits.
	if e.speaksPlainly(ctx) {
		return e.fault(FaultPlain, err)
	}
	return e.fault(FaultSilent, err)
}

// speaksPlainly says whether a server answers without TLS as Redis does.
func (e *examination) speaksPlainly(ctx context.Context) bool {
	plain, err := e.connect(ctx)
	if err != nil {
		return false
	}
	conn := &heard{Conn: plain}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(e.options.Timeout))
	_, _ = io.WriteString(conn, "PING\r\n")
	_, _ = conn.Read(make([]byte, enough))
	return conn.isReply()
}

// unheard says what is wrong where the server has said nothing that Redis would.
func (e *examination) unheard(ctx context.Context, conn *heard, err error) *ServerError {
	switch {
	case conn.isAlert():
		return e.fault(FaultTLS, err)
	case len(conn.first) > 0 && !conn.isReply():
		return e.fault(FaultNotRedis, fmt.Errorf("it answers %q", conn.first))
	case len(conn.first) == 0 && e.options.TLS == nil && e.speaksTLS(ctx):
		return e.fault(FaultTLS, err)
	case isRefusal(err): // with TLS 1.3 a certificate is missed only now
		return e.fault(FaultHandshake, err)
	case len(conn.first) == 0 && e.options.TLS != nil:
		if refusal := e.listens(ctx); isRefusal(refusal) {
			return e.fault(FaultHandshake, refusal)
		}
	}
	return e.fault(FaultSilent, err)
}

// speaksTLS says whether a server takes a handshake, whoever it may be.
func (e *examination) speaksTLS(ctx context.Context) bool {
	plain, err := e.connect(ctx)
	if err != nil {
		return false
	}
	conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // nothing is said to it but this
	defer func() { _ = conn.Close() }()
	err = e.handshake(ctx, conn)
	return err == nil || isRefusal(err)
}

// listens waits for what a server says after the handshake: who speaks there may
// find the connection closed before its end is read.
func (e *examination) listens(ctx context.Context) error {
	plain, err := e.connect(ctx)
	if err != nil {
		return err
	}
	conn := tls.Client(plain, e.encryption())
	defer func() { _ = conn.Close() }()
	if err := e.handshake(ctx, conn); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(e.options.Timeout))
	_, err = conn.Read(make([]byte, enough))
	return err
}

// isRefusal says that the other side has ended TLS in words of TLS. The package
// gives such errors no type of their own.
func isRefusal(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}
