// Package e2e tests the gate as its users meet it: over sockets, in front of a
// real php-fpm whose sessions PHP does not lock, so that only the gate keeps two
// requests of one session apart. Where there are three gates, they share a real
// redis-server, and phpredis keeps the sessions in it with its locking off.
//
// Most tests build the gate in this process from a configuration file, as serve
// does; those about signals, exit codes and users run the built binary. Nothing
// here knows the inside of the gate: what cannot be seen in an answer, in PHP's
// journal, in the log or on the admin listener is not tested here. Tests wait
// for conditions, never for time to pass.
package e2e
