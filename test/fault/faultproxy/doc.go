// Package faultproxy breaks the connection between a client and a server, as
// networks and dying machines do: it cuts, refuses, freezes, delays, swallows
// replies.
//
// What holds:
//   - Without a fault bytes go through unchanged, and so do the end of a
//     direction and a reset.
//   - A fault holds for all connections, those that are open and those that
//     come, until it is taken back. Faults may be combined.
//   - What a client sends after the call of a method has returned meets that
//     fault. What was on its way before may have passed.
//   - The proxy keeps its address from New to Close, and Close ends every
//     connection and goroutine.
//
// The package knows no protocol. It does not lose, double or reorder bytes
// within a connection: TCP would not deliver that either.
package faultproxy
