package clientip

import "net/netip"

// Networks are some addresses, by their prefixes. The zero value has none.
type Networks []netip.Prefix

// NewNetworks takes prefixes of IPv4-mapped addresses for those of IPv4, as
// addresses are compared.
func NewNetworks(prefixes []netip.Prefix) Networks {
	var n Networks
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		n = append(n, p)
	}
	return n
}

// Contains says whether an address is one of them.
func (n Networks) Contains(addr netip.Addr) bool {
	for _, prefix := range n {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// ContainsPeer says whether the peer of a connection is one of them, by its
// address as in http.Request.RemoteAddr. A peer on a unix socket has none.
func (n Networks) ContainsPeer(remoteAddr string) bool {
	return len(n) > 0 && n.Contains(parseHop(remoteAddr).Addr())
}
