// Package owner says in words who owns a file and who asks for it, for the
// messages that an operator reads when a file or socket may not be opened.
//
// It only describes; nothing is decided by it. Where the system has no owners
// it says less.
package owner

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Of says who owns path and what its mode is: "it belongs to
// www-data:www-data, mode 0660".
func Of(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "a folder above it is closed to this user"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Sprintf("its mode is %04o", info.Mode().Perm())
	}
	return fmt.Sprintf("it belongs to %s:%s, mode %04o", userName(stat.Uid), groupName(stat.Gid), info.Mode().Perm())
}

// Group is the name of the group that path belongs to, or "".
func Group(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return groupName(stat.Gid)
}

// Me is the user that this process runs as.
func Me() string { return userName(uint32(os.Geteuid())) }

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
