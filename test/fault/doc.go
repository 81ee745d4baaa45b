// Package fault tests what gates make of failures: each hazard of the locking
// between gates is brought about on purpose, on real redis-server processes
// (one alone, under Sentinels, in a Cluster), through connections that the
// test breaks.
//
// Gates are stores in this process, each with a way of its own to Redis, so that
// a fault hits one of them; where a process must die or stand still, they are
// the built binary. What must hold whatever happens is held by the watcher: two
// turns of one session overlap only where one of them counts as lost or local,
// or predates a Redis that forgot, and fences rise.
//
// The state machine under every interleaving is tested in lockstore, with a
// scripted transport; what a failure costs is measured by test/load. Tests wait
// for conditions; where a time is held to, it is the protocol's own with slack
// for a busy machine.
package fault
