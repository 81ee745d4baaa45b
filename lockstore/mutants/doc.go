// Package mutants takes the rules of the locking protocol out of lockstore, one
// at a time, and expects the tests that are named for the rule to fail.
//
// A rule that looks superfluous is easily dropped, and a test that no longer
// tests it goes on passing; both show here. Each mutant is a copy of one file
// with one piece of text replaced, which the compiler reads in place of the file
// (go test -overlay).
//
// Invariants: the source tree is never written to; a mutant that does not fit
// the source any more, does not compile, or that a named test survives is a
// failure of this package.
//
// It does not search for mutants by itself, nor judge how good the tests of
// anything but the rules are.
package mutants
