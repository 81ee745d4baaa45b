package limiter

import (
	"crypto/sha256"
	"net/netip"
)

// Key says for whom a request is counted. Two keys are the same when they were
// made from the same thing; where it came from is no part of that. Keys of
// different kinds may be equal: each limit has its own.
type Key struct {
	id      id
	network id // to be judged with, where there is no room; zero: all such together
}

type id [16]byte

// All is the key of everybody.
var All = Key{}

// ClientKey is the key of a client: an IPv4 address, or the /64 of an IPv6
// address, which is one site's. It comes from the client's network. Clients
// without an address are one.
func ClientKey(a netip.Addr) Key {
	return Key{id: prefix(a, 32, 64)}.From(a)
}

// TextKey is the key of a text of any length.
func TextKey(text string) Key {
	sum := sha256.Sum256([]byte(text))
	return Key{id: id(sum[:16])}
}

// HashKey is the key of a thing that was hashed already.
func HashKey(hash [16]byte) Key { return Key{id: hash} }

// From returns the key with the network of the client who sent the request, so
// that a flood of keys that are new, and may be made up, is judged by where it
// comes from.
func (k Key) From(client netip.Addr) Key {
	k.network = prefix(client, 16, 32)
	return k
}

// prefix is the network of an address. Those of IPv4 stand in ::ffff:0:0/96 and
// so apart from those of IPv6.
func prefix(a netip.Addr, bits4, bits6 int) id {
	a = a.Unmap().WithZone("")
	bits := bits6
	if a.Is4() {
		bits = bits4
	}
	network, err := a.Prefix(bits)
	if err != nil {
		return id{} // no address
	}
	return network.Addr().As16()
}
