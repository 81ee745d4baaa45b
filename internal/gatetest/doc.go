// Package gatetest has what tests of whole gates need: the program, its log, its
// metrics, and a way to wait for what must come.
//
// What holds:
//   - Binary builds the program once for a test binary; that one's TestMain removes
//     it with RemoveBinary.
//   - What fails ends the test, with what was there instead. Nothing returns errors.
//   - Nothing sleeps: Eventually looks again every 2 ms, for Patience at most.
//   - Pauses tells what part of a time that was measured the machine stood still
//     in. Unhurried tries again where it did, and only there.
//
// It starts no gate and knows none: some run in the test's process, others in
// their own.
package gatetest
