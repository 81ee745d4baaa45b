// Package owner says in words who owns a file and who asks for it, for the
// messages that an operator reads when a file or socket may not be opened.
//
// It only describes; nothing is decided by it. Where the system has no owners
// it says less.
package owner
