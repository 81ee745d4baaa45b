// Package redisserver runs real redis-server processes for tests and
// measurements: one alone, a primary with replicas under Redis Sentinel, or a
// Redis Cluster.
//
// What holds:
//   - A server listens on 127.0.0.1 or on a unix socket only, with a
//     configuration and a scratch folder of its own. It keeps nothing on disk
//     unless it is told to.
//   - Its ports stay its own from Start to Close, also while the server is
//     down: neither another test nor an outgoing connection gets them.
//   - Start returns once the server takes commands, or says why it does not,
//     with what redis-server wrote.
//   - Close ends the process, by its id, and waits for it. On Linux it also
//     ends when the process that started it dies.
//
// The package does not supervise: a server that was killed stays dead until
// Restart. It is not meant to run Redis in production. Tests use redistest.
package redisserver
