//go:build linux || darwin

package app

import "golang.org/x/sys/unix"

// descriptorLimit is how many file descriptors this process may have at once. Go
// has raised that to the hard limit when it started.
func descriptorLimit() (uint64, bool) {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return limit.Cur, err == nil
}
