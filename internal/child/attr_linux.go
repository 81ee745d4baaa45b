package child

import "syscall"

// groupAttr gives the child a process group, and an end with its parent. A
// child halted by SIGSTOP would not see any signal but SIGKILL.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
