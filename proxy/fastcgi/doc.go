// Package fastcgi speaks to PHP-FPM: an http.RoundTripper in the FastCGI
// responder role, on the standard library alone (and proxy/dial).
//
// What holds:
//   - One connection a request, without FCGI_KEEP_CONN. An idle connection that
//     is kept pins a PHP worker, and with fastcgi_finish_request it deadlocks.
//   - Body.Read returns io.EOF only after FCGI_END_REQUEST, which is when PHP is
//     done with the request, session written. A connection that ends earlier is
//     ErrUnexpectedEnd, so that a cut answer never looks complete.
//   - At END_REQUEST the connection is closed at once, not when the caller gets
//     to it: php-fpm keeps its worker until the peer has closed.
//   - Response bytes are handed on as they arrive. Nothing is collected but the
//     response header, up to a bound.
//   - The request's body is sent while the answer is read. PHP may answer, and
//     stop reading, before it has seen the whole body.
//   - A context that ends unblocks RoundTrip and Body.Read at once, with its
//     cause. It closes the connection; it does not stop PHP, which notices only
//     when it writes.
//   - Requests that fit into one buffer go out in one write and need no
//     goroutine. The goroutine of a larger body ends before Body.Close returns.
//   - What fails before the first byte was sent is a *dial.Error; a request
//     may then be tried elsewhere.
//
// Errors of the request itself (ErrNoScript, ErrUpgrade, ErrParamTooLarge,
// ErrLengthRequired) come before any connection is made.
//
// It does not retry, balance, log, measure a chunked body, serve files, or
// remove the hop-by-hop fields of a response: those are the caller's.
//
// The protocol is the FastCGI Specification 1.0 of 1996; what PHP makes of it
// was read in php-src, main/fastcgi.c.
package fastcgi
