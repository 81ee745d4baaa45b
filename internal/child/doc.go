// Package child runs a program of somebody else's beside this one, for tests
// and measurements: redis-server, say.
//
// What holds:
//   - A child is in a process group of its own. Stop and Kill end the whole
//     group, by its id, and return when the child has been waited for. On Linux
//     the child is also killed when the process that started it dies.
//   - What the child writes, to standard output and error alike, is kept up to
//     a bound and can be waited for.
//
// The package starts nothing again, and it does not know what it runs.
package child
