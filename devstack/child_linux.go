package main

import "syscall"

// dieWithParent has the kernel kill the child when devstack dies. A group of its
// own keeps the terminal's signals from it.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
