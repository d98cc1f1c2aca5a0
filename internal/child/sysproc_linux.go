//go:build linux && !portable

package child

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate gives the process a group of its own, so that signals meant for this process do not
// reach it and its own children end with it. Unless it survives, the kernel kills it when
// this process dies.
func isolate(cmd *exec.Cmd, survives bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !survives {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
}

// Hide keeps the memory and the environment of this process, which has keys, from other
// processes of its user: they cannot read /proc/PID/environ or trace it. Children do not
// inherit this.
func Hide() error {
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

// reap waits until the process has ended, kills the rest of its group, and reaps
// it. The pid, which is the group's id too, cannot be reused before it is reaped.
func reap(p *os.Process, killGroup func()) (*os.ProcessState, error) {
	for {
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("waitid", err)
		}
		break
	}
	killGroup()
	return p.Wait()
}
