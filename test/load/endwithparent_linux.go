package main

import "syscall"

// endWithParent has the kernel end a child when this program dies.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
