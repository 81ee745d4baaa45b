//go:build unix

package owner

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Of says who owns path and what its mode is: "it belongs to www-data:www-data
// and has the mode 0660". Where a folder above it is closed to this user it
// says so of that folder.
func Of(path string) string {
	info, err := os.Stat(path)
	if err != nil && filepath.Dir(path) != path {
		return "the folder " + filepath.Dir(path) + " is closed: " + Of(filepath.Dir(path))
	}
	if err != nil {
		return err.Error()
	}
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("it belongs to %s:%s and has the mode %04o", userName(stat.Uid), groupName(stat.Gid), info.Mode().Perm())
}

// Me is the user that this process runs as: "user www-data".
func Me() string { return "user " + userName(uint32(os.Geteuid())) }

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
