// Package keepalive speaks HTTP/1.1 to one server, over connections that it
// keeps: an http.RoundTripper that never sends a request twice.
//
// net/http's Transport sends GET, HEAD, OPTIONS and TRACE again, and whatever
// carries an Idempotency-Key, when a connection breaks. The first one may still
// be running, and its session would then have two. So the connections are kept
// here. Requests are written and answers are read by net/http (Request.Write,
// ReadResponse), in the goroutine that calls RoundTrip: a connection has none of
// its own. Only a request's body is written by another one, until the answer's
// end.
//
// What holds:
//   - A request is sent again only where it is certain that the server has got
//     nothing of it: not a byte was written, or the server had closed the
//     connection before a byte arrived (see wire). Else the error is returned.
//   - A kept connection is looked at before it is used: one that the server has
//     closed, or on which it has said something unasked, is not.
//   - A request that may change something (any method but GET, HEAD, OPTIONS and
//     TRACE, and whatever has a body) goes out on a connection made for it. The
//     moment in which a server closes a kept connection then cannot hit it. A kept
//     one is given up in its place, so that the server does not have more of them.
//   - What fails with nothing sent is a *dial.Error; a request may then be tried
//     elsewhere.
//   - A connection is kept when its answer has been read to the end, and the
//     server has not said Connection: close; for 4 s, which is below what common
//     servers allow.
//   - When RoundTrip has failed, or the answer has ended or was closed, the
//     request's body is not touched any more.
//   - Informational answers go to whom Inform has named for the context, in the
//     goroutine of RoundTrip. There are at most 1000 before an answer.
//   - The body of a 101 is the connection itself, an io.ReadWriteCloser.
//
// It does not follow redirects, decompress, balance, log or set headers.
package keepalive
