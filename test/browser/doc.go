// Package browser shows with a real browser that the page for people who are
// refused comes again by itself, backs off, and gets through once the line is
// free, with scripts and without; and that what waits for a log-in comes again
// with the new id.
//
// Chromium is a download of 100 MB and not in every system's packages, so these
// tests stand apart from the others: they are built with the tag browser only,
// and `make browser` installs what they need and runs them. The linters look at
// them all the same. The browser is chromium-headless-shell, chromium or
// google-chrome, the first that is there; where there is none the tests fail.
//
// The package does not test how the page looks, and no other browser.
package browser
