// Package lockstore serialises the requests of a session, in one gate or in
// many.
//
// Requests of one key stand in a line, first come first served. The one whose
// ticket comes up has the turn until it releases it; then the turn is handed
// directly to the next, so that nobody who arrives later can slip in between.
// A line is bounded three ways: by session, by client and in total. A request
// that leaves while it waits is taken out at once, wherever it stands.
//
// Waiting is always done in the gate. What differs is who grants it the lease,
// the right to give turns of a key: [Memory] always does, and so serves one gate
// alone; with [Redis] any number of gates pass the leases among each other, in
// order of arrival, woken by a message (docs/locking.md has the protocol, and
// what each of its rules is for).
//
// Invariants:
//
//   - At most one exclusive turn of a key runs at a time while leases are kept.
//     Where one is lost, the turn's context ends with [ErrLost], and the fence
//     tells the newer turn from the older.
//   - A line is served in order of arrival; gates are, but for the time that a
//     message takes.
//   - A turn is given back exactly once; Release may be called any number of
//     times and from any goroutine.
//   - Work per request does not grow with the number of lines, nor with the
//     number of tickets in one.
//   - A key without a request takes no memory, but for the millisecond in which
//     its lease lingers and the call that gives it back.
//   - Fences of one key rise with every turn, also after a restart.
//   - Redis holds no key without an expiry.
//
// Where Redis is away, a gate gives turns from its own line ([Turn.Local]), or
// refuses with [ErrAway] what must not run so.
//
// Some of what is exported is for stores, which others may write: [NewTurn] makes
// a turn, and [Turn.Lose] tells it that its lease is lost. Who holds a turn of
// somebody else's store leaves Lose alone: it ends the turn's context, and gives
// nothing back. [RedisOptions.Client], Cluster and Examine are for whoever asks the
// same Redis for something else, in the same way.
//
// The suite in lockstoretest says what every store must do. The package knows
// nothing of HTTP, logging or configuration files. It does not limit how long a
// turn is held: the caller decides when to release.
package lockstore
