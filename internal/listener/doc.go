// Package listener is what stands between the kernel and the HTTP server that
// faces the clients: a bound on connections ([Bound]), the PROXY protocol
// ([ProxyProtocol]), a certificate that is read again when its files change
// ([Certificate]), and who has not said yet what they came for ([Unheard]).
//
// Invariants:
//
//   - Never more connections are served than the bound allows. When one more comes
//     the one that has been idle for longest gives way, or else one that has not sent
//     the header of a request in its first second, of the client that has the most of
//     these. Where all have a request under way it waits, and those behind it do so
//     in the kernel's backlog, where they take no memory of this process.
//   - As long as nobody has to wait, none is closed.
//   - A request that has been begun is never cut by that.
//   - A PROXY header is read from a trusted peer only, and always from a trusted
//     peer: which protocol a peer speaks is never guessed from its bytes.
//   - Accept never waits for a peer to send something.
//   - A certificate that cannot be used never takes the place of one that can.
//
// The package neither opens addresses nor logs nor counts; internal/app does.
package listener
