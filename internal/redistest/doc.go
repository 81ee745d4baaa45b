// Package redistest starts real Redis for tests: a server alone, a primary
// with replicas and sentinels, or a cluster.
//
// Everything ends with its test. Where redis-server is not installed the test
// fails: a skipped test is one that nobody runs. What goes wrong ends the test
// too, so that the methods return no errors; therefore those that start or
// wait belong to the test's own goroutine. What the servers are and promise
// stands in redisserver, which programs that are no tests use.
package redistest
