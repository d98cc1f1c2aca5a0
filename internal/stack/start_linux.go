package stack

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// startOf identifies the process behind a pid by the boot and its start time in clock
// ticks since then. A zombie has ended only when its other threads have: until then
// they keep its ports and locks.
func startOf(pid int) (string, error) {
	stat, err := statOf(pid)
	if err != nil {
		return "", err
	}
	if stat.State == "X" || stat.State == "Z" && stat.NumThreads <= 1 {
		return "", os.ErrProcessDone
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d", strings.TrimSpace(string(boot)), stat.Starttime), nil
}

func statOf(pid int) (procfs.ProcStat, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return procfs.ProcStat{}, err
	}
	return p.Stat()
}

// Bits of /proc/PID/stat's flags and of /proc/PID/status's signal masks.
const (
	flagExiting = 0x4                          // PF_EXITING
	maskKill    = 1 << (int(unix.SIGKILL) - 1) // of pending signals
)

// dying reports whether a process will run no further instruction of its own, because
// SIGKILL is pending or it is exiting.
func dying(pid int) bool {
	stat, err := statOf(pid)
	if err != nil || stat.State == "Z" || stat.Flags&flagExiting != 0 {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(status)) {
		name, mask, _ := strings.Cut(line, ":")
		if name != "SigPnd" && name != "ShdPnd" {
			continue
		}
		if pending, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64); err == nil && pending&maskKill != 0 {
			return true
		}
	}
	return false
}
