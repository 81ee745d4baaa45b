// Package fpm runs a real php-fpm for the demo and for tests.
//
// A [Pool] is one php-fpm master with a fixed number of workers (pm = static),
// on a free TCP port of 127.0.0.1 or on a unix socket, with a configuration of
// its own in a scratch folder. It takes nothing from the machine's pools and
// leaves nothing behind.
//
// What holds:
//   - Start returns once the pool takes connections, or says why it does not,
//     with the last lines php-fpm wrote.
//   - The address is nobody else's from Start to Stop, also while the pool is down.
//   - Stop ends the master and every worker, by process group, and waits for
//     them. On Linux the pool also ends when the process that started it dies.
//   - Session files live in a folder of the pool. PHP's "files" handler locks
//     them; test/php/unlocked.php is the handler that does not.
//
// The package does not supervise: a master that dies stays dead until Restart.
// It is not meant to run PHP in production. Helpers for tests are in fpmtest.
package fpm
