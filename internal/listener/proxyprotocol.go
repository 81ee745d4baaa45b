package listener

import (
	"errors"
	"net"
	"time"

	"github.com/pires/go-proxyproto"
)

// ProxyProtocol reads the header in which a TCP proxy says whose connection it
// passes on (version 1 and 2 of HAProxy's PROXY protocol). It comes first on the
// connection, before TLS.
//
// The header is what trusted peers must begin with. From everybody else no
// header is read at all: they are served as what they are, clients of their
// own, and a header that they send is not HTTP.
type ProxyProtocol struct {
	Trusted func(peer string) bool // by the address as net.Conn's RemoteAddr gives it
	Timeout time.Duration          // for the header to come; 0: none
	// Refused is told of a trusted peer's connection that ended because of its
	// header. It is not told of one that closed before it sent anything: so do
	// the health checks of balancers.
	Refused func(peer net.Addr, err error)
}

// Listener reads the header on the connections that l accepts. It does so when
// the connection is first used, not in Accept.
func (p ProxyProtocol) Listener(l net.Listener) net.Listener {
	return &proxyListener{Listener: l, proxies: p}
}

type proxyListener struct {
	net.Listener
	proxies ProxyProtocol
}

func (l *proxyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || !l.proxies.Trusted(c.RemoteAddr().String()) {
		return c, err
	}
	seen := &firstByte{Conn: c}
	return &proxiedConn{
		Conn: proxyproto.NewConn(seen, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(l.proxies.Timeout)),
		raw:  c, seen: seen, refused: l.proxies.Refused,
	}, nil
}

// firstByte remembers whether anything was received.
type firstByte struct {
	net.Conn
	came bool
}

func (c *firstByte) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.came = c.came || n > 0
	return n, err
}

// proxiedConn is a connection with the addresses of its header.
type proxiedConn struct {
	*proxyproto.Conn
	raw     net.Conn
	seen    *firstByte
	refused func(net.Addr, error)
	told    bool
}

// NetConn is the connection itself, as of tls.Conn.
func (c *proxiedConn) NetConn() net.Conn { return c.raw }

// Read tells of a bad header, once: net/http reads in one goroutine at a time.
func (c *proxiedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && !c.told && c.ProxyHeader() == nil {
		c.told = true
		if c.seen.came || !errors.Is(err, proxyproto.ErrNoProxyProtocol) {
			c.refused(c.raw.RemoteAddr(), err)
		}
	}
	return n, err
}

// CloseWrite lets net/http end a connection without a reset.
func (c *proxiedConn) CloseWrite() error {
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// RemoteAddr is the client's address as the header gives it. It is Unknown
// where the header gives none: the peer's would lend the client the trust in the
// proxy. That is so for the command LOCAL as well, for HAProxy uses it not only
// when it speaks for itself, but for clients that came over a unix socket.
func (c *proxiedConn) RemoteAddr() net.Addr {
	h := c.ProxyHeader()
	if h == nil {
		return c.raw.RemoteAddr()
	}
	if client, ok := h.SourceAddr.(*net.TCPAddr); ok && !h.Command.IsLocal() {
		return client
	}
	return Unknown
}

// LocalAddr is where the client connected to, as the header gives it.
func (c *proxiedConn) LocalAddr() net.Addr {
	h := c.ProxyHeader()
	if h == nil || h.Command.IsLocal() {
		return c.raw.LocalAddr()
	}
	if at, ok := h.DestinationAddr.(*net.TCPAddr); ok {
		return at
	}
	return c.raw.LocalAddr()
}

// Unknown is the address of a client whose proxy gives none.
const Unknown = unknownAddr("unknown")

type unknownAddr string

func (a unknownAddr) Network() string { return string(a) }
func (a unknownAddr) String() string  { return string(a) }
