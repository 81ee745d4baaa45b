// Package clientip finds out who sent a request.
//
// Anybody can write a forwarding header, so it is believed only from a trusted
// peer, and only as far as trusted hops vouch for it: X-Forwarded-For is walked
// from the right, the end that the nearest proxy wrote, and the first address
// that is not a trusted proxy's is the client. What stands left of it is the
// client's own word and is never used.
//
// A peer is trusted when its address is in one of the trusted prefixes. A peer
// on a unix socket has no address; it is on this machine, and whoever may open
// the socket was let in by its file mode. It is trusted when there are trusted
// prefixes at all, that is, when the operator expects proxies.
//
// Invariants: the result is the peer's address or one that a trusted hop
// reported; IPv4-mapped IPv6 addresses are IPv4 addresses; addresses have no
// zone.
//
// Read are X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host, or where
// there is none of the three, Forwarded (RFC 7239). X-Forwarded-* comes first
// because more proxies write it: a proxy that does so and knows nothing of
// Forwarded passes on what a client has made up there. Where both are there and
// disagree, Forwarded is therefore not so much as looked at.
//
// The package does not read the PROXY protocol, which is spoken before there is
// a request.
package clientip
