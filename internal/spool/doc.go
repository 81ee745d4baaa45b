// Package spool buffers request bodies and responses for the whole process:
// memory first, then an unlinked temporary file, both within bounds.
//
// A [Body] is a request body, read to its end before anything else happens to
// the request. A [Pipe] carries a response from an upstream that writes fast to
// a client that reads slowly; where both keep pace, bytes pass through a few
// kilobytes of pooled memory and nothing else.
//
// Invariants:
//   - Bytes come out in the order in which they went in, and an end that was not
//     clean is never reported as io.EOF.
//   - Memory held by bodies and pipes stays within [Limits].Memory, but for a
//     stated slack that keeps everything moving when it is used up: 4 KiB for a
//     body being written to disk, 8 KiB (4 KiB a side) for an open pipe.
//     The number of these is bounded by whoever opens them.
//   - Files stay within [Limits].Disk; the size of a file is what counts, not
//     what is left to be read of it.
//   - Pipes have at most three quarters of each, for they can be slowed down, and
//     bodies can only be refused. The pipes of one client stay within [Client]'s
//     bounds, but for the slack, and for the first 4 KiB of a pipe that needs no
//     more: so one that reads slowly fills nothing for others.
//   - What is known of a client is forgotten with its last pipe.
//   - A buffer is handed on only when nobody can see it any more: a reader that
//     comes too late gets an error, never somebody else's bytes.
//   - Nothing here starts a goroutine.
//
// What it does not do: it knows nothing of HTTP, does not limit how long or how
// slowly a source is read, does not log, and does not encrypt what it writes.
// Idle buffers in sync.Pool are not counted; the garbage collector takes them.
package spool
