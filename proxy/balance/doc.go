// Package balance chooses the server of an upstream that a request goes to.
//
// A [Pool] is the servers of one upstream. [Pool.Take] chooses one and takes a
// slot on it, which counts as in flight until [Slot.Leave]. Whoever could not
// connect says so with [Slot.Refused], and takes a slot on another server.
//
// What holds:
//   - A server that is out is chosen only where no other is left: when all are
//     out, all are used, for a refusal would be certain.
//   - A server that is drained, or taken off the list, gets no new requests.
//     Its slots stay taken until they are left.
//   - A server goes out after so many connections in a row that could not be
//     made, or so many checks in a row that failed. It comes back by checks only.
//   - Out and In are told once a change.
//   - To choose costs a look at each server, and no memory.
//
// It sends nothing itself, and does not queue: how many slots a server has, and
// who waits for one, belongs into Pool, under the same mutex.
package balance
