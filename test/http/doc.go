// Package http is the black-box battery: what a client, or an upstream, may
// send byte for byte, and what has to become of it.
//
// A [scenario] is the exact bytes of a client, the answers that the gate has to
// give, what a recording backend behind it must have seen (which for most of
// the hostile ones is nothing), and whether the connection can be used on. The
// gate is the real binary; each scenario runs in front of an HTTP backend and
// in front of a FastCGI responder. Both only record and answer: they read no
// meaning into what they get.
//
// What holds of every request that a backend sees, whatever was sent, is checked
// behind every scenario: see (request).wantSafe.
//
// The same scenarios run against nginx and Caddy in front of the HTTP backend.
// Where these do something else, docs/http.md has a line that says what, and why
// the gate does not; a test holds the page to what is seen.
//
// FuzzForwarded goes further than a table can: it sends whatever the fuzzer makes
// up, parses what is forwarded once more, and expects the session key and the rule
// that the gate has decided on.
//
// The battery knows nothing of turns and time-outs: those are test/e2e's.
package http
