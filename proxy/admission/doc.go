// Package admission decides which of those who wait gets the next free slot.
//
// A [Queue] is the requests that wait for a slot of one upstream. It knows
// neither servers nor time, and wakes nobody: whoever has the slots asks
// [Queue.Next] when one is free, under a mutex of its own.
//
// What holds:
//   - The next slot goes to the highest priority in which somebody may go. But
//     while somebody may go in a lower one, at most [LowPassedOver] slots in a row
//     go past low, and at most [NormalPassedOver] past normal.
//   - Within a priority it goes to the client whose turn it is: clients take
//     turns, whoever begins to wait comes last. A client's turn is that of one of
//     its sessions, which take turns too; within a session the first that came is
//     the first to go.
//   - A client that has as many slots as one client may have is left out until it
//     gives one back; then it comes last.
//   - Bounds can be changed by [Queue.Bound]. Who has more by then than may be keeps
//     it, and has nothing more until it has less.
//   - When the queue is full, the newest place of the client with the most places
//     gives way, of the lowest priority in which anybody waits. So nobody fills
//     the queue for others, and no flood of a low priority for a higher one. Who
//     asks gives way where its client would have the most, or as many as the most.
//   - Each call takes the same time however many wait, and however many sessions
//     and clients they are of. Clients and sessions of which nobody waits are not
//     remembered, but for the number of slots that a client has.
//
// Fairness is by slots, not by the time for which they are kept: a client with
// slow requests has more of the servers than one with fast ones. The bound on
// the slots of one client is against that.
package admission
