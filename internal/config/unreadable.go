package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// unreadable says why a file cannot be opened, in words that name the way
// out. A file that may not be read is named with its owner and mode.
func unreadable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be opened by %s: %s", path, whoAmI(), ownership(path))
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Errorf("%s cannot be read: %w", path, err)
}

// ownership says who owns a file and what its mode is.
func ownership(path string) string {
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
