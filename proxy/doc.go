// Package proxy is the way of a request through the gate.
//
// [Gate] is an http.Handler. A request goes one way, stage by stage, and never
// back; each stage is one file named after it:
//
//	accept   who is the client
//	decide   the first matching rule gives the policy
//	key      the session key, as PHP would read the cookie
//	limit    rates, and how much may be in the gate at once
//	files    what is a file of the application's is served
//	check    is there a place in the line
//	spool    the request body is read to its end
//	wait     the ticket is taken and the turn waited for
//	admit    a free slot of a server is taken, or waited for
//	forward  the request runs upstream, detached from the client
//	release  the turn ends
//	relay    the answer goes to the client at the client's pace; where the
//	         connection was upgraded, bytes go both ways
//	account  one access line, metrics
//
// Two goroutines carry a request: the client's handler, which may end at any
// time, and from forward on a run, which ends when the upstream does. The turn
// belongs to the run: a client that leaves, or a gate time-out, does not mean
// that PHP has stopped.
//
// What is not enforced (Policy.Shadow, or a limit's own word) holds nobody up: it
// takes no turn and no place in the line. What would have been is counted, and a
// request that runs beside another of its session is noted.
//
// Invariants:
//
//   - A turn, and a slot, is given back exactly once on every path: answer, error,
//     panic, departure, time-out; a turn also by maximal hold.
//   - A request refused up to check has not touched the upstream, and its body
//     has not been read before it was refused.
//   - An answer that the upstream broke off never reaches the client as a
//     complete one.
//   - The raw session id does not leave this package and proxy/session.
//
// The package does not listen, reload or read configuration; internal/app does.
package proxy
