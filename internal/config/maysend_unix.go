//go:build unix

package config

import "golang.org/x/sys/unix"

// maySend tells whether this user may connect to a socket: that takes the
// right to write.
func maySend(path string) error { return unix.Access(path, unix.W_OK) }
