// Package balance chooses the server of an upstream that a request goes to.
//
// A [Pool] is the servers of one upstream. [Pool.Take] chooses one and takes a
// slot on it, which counts as in flight until [Slot.Leave]; [Pool.Acquire] waits
// for one where none is free, in the order of package admission. Whoever could not
// connect says so with [Slot.Refused], and moves to another server by [Slot.Next].
//
// What holds:
//   - A server that is out is chosen only where no other is left: when all are
//     out, all are used, for a refusal would be certain.
//   - A server that is taken off the list ([Pool.Set]) gets no new requests, and is
//     checked no more. Its slots stay taken until they are left; then it is told as
//     Gone, once. So that what a server is reached by can be closed by then.
//   - A server that stays on the list, or comes back before it is gone, keeps its
//     slots: no more than MaxInFlight are taken whatever is set meanwhile, but by
//     those that were taken before MaxInFlight was lowered.
//   - A server goes out after so many connections in a row that could not be
//     made, or so many checks in a row that failed. It comes back by checks only.
//   - A server has never more slots taken than MaxInFlight and, by requests that
//     others wait for, a reserve for each level of these; but by [Pool.Force]. So
//     who waits for another with its slot in hand never keeps it from running.
//     While a server may be chosen and has a free slot, nobody waits but clients
//     that have all the slots that one client may have.
//   - A session's own server is a preference: while it is full, another one that
//     has a free slot is chosen.
//   - Whoever waits has a slot, or an error, exactly once. When no server is left on
//     the list, all who wait have an error.
//   - Out and In are told once a change, and of no server that is leaving.
//   - To choose costs a look at each server, and no memory where a slot is free.
//
// It sends nothing itself. Servers, slots and queue are under one mutex, so that
// no change of the one is missed by the other.
package balance
