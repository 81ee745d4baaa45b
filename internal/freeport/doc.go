// Package freeport gives tests and measurements ports of 127.0.0.1.
//
// What holds, on Linux:
//   - A port is nobody else's from Take to GiveBack, also while nothing listens
//     on it: neither another test's, nor that of an outgoing connection.
//   - Who is told the number may listen on it, if the socket has SO_REUSEADDR;
//     Go's listeners and most servers set it.
//   - While nobody listens connections are refused.
//
// On other systems a port was free a moment ago, and that is all. The package
// is not meant for servers of the gate, which listen where the operator says.
package freeport
