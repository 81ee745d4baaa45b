//go:build !unix

package spool

import (
	"os"
	"os/user"
)

func owner(os.FileInfo) string { return "unknown" }

func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
