//go:build unix && !linux

package worker

import (
	"os/exec"
	"syscall"
)

// isolate gives the child a process group of its own, so that signals meant for
// the worker do not reach it and its own children end with it. Where the kernel
// does not kill a child whose parent died, its closed stdin ends it.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// awaitExit has no portable form; the group is killed after the child is reaped.
func awaitExit(int) error { return nil }
