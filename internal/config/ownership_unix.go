//go:build unix

package config

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownership says who owns a file and what its mode is; where a folder above
// it is closed to this user, of that folder.
func ownership(path string) string {
	info, err := os.Stat(path)
	if err != nil && filepath.Dir(path) != path {
		return "the folder " + filepath.Dir(path) + " is closed: " + ownership(filepath.Dir(path))
	}
	if err != nil {
		return err.Error()
	}
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("it belongs to %s:%s and has the mode %04o", userName(stat.Uid), groupName(stat.Gid), info.Mode().Perm())
}

// maySend tells whether this user may connect to a socket: that takes the
// right to write.
func maySend(path string) error { return unix.Access(path, unix.W_OK) }

func whoAmI() string { return "user " + userName(uint32(os.Geteuid())) }

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if found, err := user.LookupId(id); err == nil {
		return found.Username
	}
	return id
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if found, err := user.LookupGroupId(id); err == nil {
		return found.Name
	}
	return id
}
