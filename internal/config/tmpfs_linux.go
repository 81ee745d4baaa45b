package config

import "golang.org/x/sys/unix"

// isTmpfs tells whether a folder lies in memory.
func isTmpfs(path string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(path, &stat) == nil && int64(stat.Type) == unix.TMPFS_MAGIC
}
