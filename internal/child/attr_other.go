//go:build unix && !linux

package child

import "syscall"

// groupAttr gives the child a process group. Only Linux can end it with its
// parent.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
