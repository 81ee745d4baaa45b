// Package session finds the PHP session that a request belongs to, and makes
// the key under which that session is locked.
//
// The id must be the one that PHP will use. If two spellings of one cookie had
// two keys, two requests of one session would run at once. So [Source.ID] does
// not parse cookies as RFC 6265 says or as net/http does; it reads them as
// main/php_variables.c and ext/session/session.c do, odd corners included. A
// test compares it with a real php-fpm on thousands of generated headers.
//
// Where installations of PHP differ, the package takes what any of them would
// use: to lock one request too many is harmless, one too few is not.
//
//   - Any length, and every character that session_start lets through, is
//     accepted. The files handler takes only letters, digits, "-" and ",", up
//     to 256 of them; Redis takes all.
//   - An id is cut at a NUL byte. The files handler does so, Redis does not.
//   - PHP reads max_input_vars cookies, 1000 by default. Later ones count here
//     only if the session cookie was not among the first 1000.
//
// Invariants: an id is never empty; it holds no NUL and none of the bytes that
// make PHP drop an id; the same session always gives the same id; ids of
// cookies and of headers are one space of names, as they are in PHP.
//
// The package supposes PHP's defaults session.use_cookies=1 and
// session.use_only_cookies=1, max_input_nesting_level=64, and no
// mbstring.encoding_translation. It does not read ids from URLs or bodies. It
// does not know whether a session exists: with session.use_strict_mode PHP may
// answer an unknown id with a new one. It does not fold the case of ids,
// although a store with a case-insensitive collation would.
package session
