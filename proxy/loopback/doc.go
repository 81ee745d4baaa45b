// Package loopback makes and reads the tokens by which a gate knows the requests
// that an application sends to its own site while it answers one.
//
// A token names a request that the gate has sent to the upstream: the gate, the
// number of the request in that gate, the session whose turn it runs under, the
// turn's fence, and how many requests called each other before it. It is signed,
// so nobody makes one up, and it ends with the longest time that the turn can
// last. It says nothing of whether the request still runs: the gate that made it
// knows.
//
// Gates that share a secret read each other's tokens. Without one a [Signer] is
// for this process alone.
//
// The package knows nothing of HTTP, and of the session only its key.
package loopback
