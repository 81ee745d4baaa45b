//go:build unix

package spool

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

func owner(info os.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "unknown"
	}
	return userName(int64(st.Uid))
}

func whoami() string { return userName(int64(os.Geteuid())) }

func userName(uid int64) string {
	id := strconv.FormatInt(uid, 10)
	if u, err := user.LookupId(id); err == nil {
		return fmt.Sprintf("%s (uid %s)", u.Username, id)
	}
	return "uid " + id
}
