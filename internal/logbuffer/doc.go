// Package logbuffer keeps a log whose reader stalls from holding up those who
// write to it: a pipe that nobody empties takes 64 KiB, and then every write
// waits.
//
// What holds:
//   - Write never waits and never fails. What does not fit is dropped and counted.
//   - Lines are written in their order. Where some are missing, a line in their
//     place says how many.
//   - Close returns when everything is written, or a bound has passed.
//   - Memory is bounded by twice the size.
//
// Whoever writes has to write whole lines. A process that ends without Close,
// killed or by a panic of some goroutine, loses what came in its last moment.
//
// It does not know what a line looks like, and does not close what it writes to.
package logbuffer
