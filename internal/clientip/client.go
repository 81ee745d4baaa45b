package clientip

import "net/netip"

// Client is who sent a request, and how they meant it.
type Client struct {
	// Addr is the client's address. It is invalid for a unix peer that named
	// nobody, or whose word does not count.
	Addr netip.Addr
	// Port is the client's port, 0 where it is not known.
	Port uint16
	// Scheme is what a trusted peer said in X-Forwarded-Proto, or Forwarded:
	// "http", "https" or "". Of several values of X-Forwarded-Proto the last one
	// is the peer's.
	Scheme string
	// Host is what a trusted peer said in X-Forwarded-Host, or Forwarded, or "".
	// The last value counts here, too. It is not checked to be a host.
	Host string
	// Forwarded: all this was read from the header of that name.
	Forwarded bool
	// Trusted: the peer's forwarding headers were believed.
	Trusted bool
	// IgnoredHeader: somebody who is not trusted sent a forwarding header.
	IgnoredHeader bool
}

// Unknown is the key of clients that have no address. They are one client, as are
// those behind a proxy at an address that is not trusted: bounds that nobody is
// held to would be worse than bounds that all are held to together.
const Unknown = "unknown"

// Key names the client where clients are counted: its address, or the /64 of an
// IPv6 address, which is one site's. It is never "".
func (c Client) Key() string {
	switch {
	case !c.Addr.IsValid():
		return Unknown
	case c.Addr.Is4():
		return c.Addr.String()
	}
	network, err := c.Addr.Prefix(64)
	if err != nil {
		return c.Addr.String() // not reached: an IPv6 address has a /64
	}
	return network.String()
}
