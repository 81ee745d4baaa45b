// Package lockstoretest is the conformance suite of lockstore: what every store
// must do, whoever grants its leases.
//
// The suite speaks to a store through its public methods only and never sleeps:
// it waits for conditions, so that it can hold an in-process store in a
// testing/synctest bubble as well as one behind a network. It does not test how
// leases move between gates; stores that have several gates test that
// themselves.
package lockstoretest
