package fpm

import "syscall"

// groupAttr gives the master a process group, and an end with its parent.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
