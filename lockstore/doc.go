// Package lockstore serialises the requests of a session.
//
// Requests of one key stand in a line, first come first served. The one whose
// ticket comes up has the turn until it releases it; then the turn is handed
// directly to the next, so that nobody who arrives later can slip in between.
// A line is bounded three ways: by session, by client and in total. A request
// that leaves while it waits is taken out at once, wherever it stands.
//
// Invariants:
//
//   - At most one exclusive turn of a key runs at a time.
//   - A line is served in order of arrival.
//   - A turn is given back exactly once; Release may be called any number of
//     times and from any goroutine.
//   - Work per request does not grow with the number of lines, nor with the
//     number of tickets in one.
//   - A key without a request takes no memory.
//   - Fences of one key rise with every turn, also after a restart.
//
// [Memory] grants turns by itself and so serves one gate alone. The suite in
// lockstoretest says what every store must do.
//
// The package knows nothing of HTTP, logging or configuration files. It does
// not limit how long a turn is held: the caller decides when to release.
package lockstore
