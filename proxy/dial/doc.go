// Package dial connects to one server of an upstream, over TCP or a unix socket.
//
// Making the connection is a step of its own, for both protocols: what fails in
// it is an [Error], and an Error says that nothing was sent. Such a request may
// be tried on another server, whatever its method is.
//
// It keeps no connections and chooses no server.
package dial
