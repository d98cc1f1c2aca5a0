//go:build !linux

package main

import "syscall"

// dieWithParent can do no more here than to keep the terminal's signals away.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
