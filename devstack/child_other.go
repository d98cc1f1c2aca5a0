//go:build !linux

package main

import "syscall"

// dieWithParent only puts the child in its own process group, so that it receives no
// signals of the terminal. The parent's death does not end it on this system.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
