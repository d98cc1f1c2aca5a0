//go:build unix && (!linux || portable)

// The tag portable selects this file on Linux, so that its tests run there too.

package child

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate gives the process a group of its own, so that signals meant for this process do not
// reach it and its own children end with it. The kernel does not kill a child whose parent
// died; its closed stdin ends it.
func isolate(cmd *exec.Cmd, _ bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// Hide does nothing: other systems have no such switch.
func Hide() error { return nil }

// reap waits until the process has ended, and kills the rest of its group. The group
// keeps its id while a process is in it. If the group is already empty, its id cannot
// have been reused since Wait, except after the system has used all other pids.
func reap(p *os.Process, killGroup func()) (*os.ProcessState, error) {
	state, err := p.Wait()
	killGroup()
	return state, err
}
