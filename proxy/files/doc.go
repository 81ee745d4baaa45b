// Package files serves the files of an application that are no scripts: its
// styles, pictures and downloads.
//
// What is found is a regular file below the document root, whatever symlinks
// lead to it ([docroot]); its name and the name that it was asked by are neither
// hidden nor those of PHP source, and it does not begin as PHP source does. All
// else is not there: what then becomes of the request, the caller decides.
// Folders are not listed, and nothing waits for a FIFO.
//
// An answer depends on the file alone: the type comes from a table, never from
// the machine's or from the content, and the entity tag from time and size, so
// that it is the same for copies of the file behind several gates. Ranges and
// conditions are net/http's work. What the package does not do: compress, cache,
// or say how long others may.
package files
