//go:build unix && !linux

package fpm

import "syscall"

// groupAttr gives the master a process group. Only Linux can end it with its
// parent.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
