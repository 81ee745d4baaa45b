// Package limiter bounds the rate of requests, and how many are in flight at
// once, by key: a client, a session, a user agent, a rule, or all together.
//
// A limit is a token bucket a key: it holds Burst requests and refills at Rate.
// One of [ScopeLocal] is kept in this process, a golang.org/x/time/rate.Limiter
// a key. One of [ScopeShared] is kept in Redis, for all gates together, by a
// script that is GCRA in whole microseconds of Redis time (take.lua).
//
// A [Set] has the limits of one configuration. A request asks all that concern
// it at once, with [Set.Take], and is let through when none that is enforced
// refuses. It holds that:
//
//   - A key that is known is let through at most Rate × time + Burst times.
//   - A request that is refused costs nothing, at no limit, and does not make
//     the wait longer (as in nginx, unlike Envoy, which charges the limits that
//     let it through). What was charged is given back.
//   - Memory is bounded. Each limit knows at most Options.Keys keys. A key whose
//     bucket is full again is worth nothing and makes room for a new one, within
//     1/254 of the time that an empty bucket needs to fill. A key in debt is never
//     forgotten: where all of them are, a new key is judged together with its
//     network (/16, IPv6 /32), which has the bucket of one key. That is counted,
//     and reported to [Options.Crowded]. So it is for a shared limit: a key without
//     room is judged here, and takes none in Redis.
//   - A known key is judged without allocation and in constant time.
//   - Where Redis is away, or does not answer in time, a shared limit is judged in
//     this process by the same rate; so all gates together let through up to their
//     number times the rate. That is counted. Redis is used again once a call to
//     it has succeeded.
//   - Redis holds no key without an expiry, is asked once a request for all its
//     limits together (in a cluster, once a server), and not at all for a key that
//     it has just refused, before the wait is over.
//   - [Set.Next] makes the set of a new configuration: a limit with the same name,
//     key, rate, burst and scope goes on where it was. So do counts of requests in
//     flight.
//
// Time is passed in. Where it goes back, for one limit it stands still until it
// has caught up. Where the clock of Redis is set back, debts are kept and paid off
// from then on; where it jumps ahead, they are forgiven.
//
// The example of [Set] shows how a request passes. [AppendPolicies] and
// [AppendQuotas] write the values of the fields RateLimit-Policy and RateLimit.
//
// Why it is so, and what else was looked at, stands in docs/adr/0012.
//
// The package knows nothing of HTTP, logging or configuration files. It delays
// nobody: a request is let through or refused at once.
package limiter
