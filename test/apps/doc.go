// Package apps tests the gate in front of real applications, DokuWiki, MediaWiki
// and a small one made with Symfony, on a real php-fpm whose sessions PHP does not
// lock: only the gate keeps two requests of one session apart.
//
// The configuration is the one that deploy/apps shows to operators, with the
// addresses and folders of the test. A client with cookies does what people do:
// it reads forms, fills them in and sends them, the tokens against forgery with
// them. What is tested is what comes of that, for the client, in PHP's journal
// and in the gate's log. The applications come from Debian's packages; they are
// set up anew for each test and nothing of them outlives it.
package apps
