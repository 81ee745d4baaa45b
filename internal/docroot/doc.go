// Package docroot is the document root of an upstream as the gate sees it: for
// looking whether a script is there, and for opening files that the gate serves
// itself.
//
// Nothing above the root is ever seen ([os.Root]): a symlink that leads out, or
// has an absolute path, counts as not there. The root itself may be a symlink
// that a deploy moves; the next look-up follows.
//
// What a path means is decided elsewhere: names are cleaned URL paths. [Plain]
// tells which URL paths can be read in one way only, [Hidden] which names are
// nobody's business.
package docroot
