package stack

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// startOf identifies the process behind a pid by the boot and its start time in clock
// ticks since then. A zombie has ended only when its other threads have: until then
// they keep its ports and locks.
func startOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The command's name, in parentheses, may hold spaces and parentheses. After
	// it come the state, field 3 of proc_pid_stat(5), as field 20 the number of
	// threads and as field 22 the start.
	_, rest, ok := cutLast(stat, []byte(") "))
	fields := bytes.Fields(rest)
	if !ok || len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %q is not understood", pid, stat)
	}
	state, threads := string(fields[0]), string(fields[17])
	if state == "X" || state == "Z" && (threads == "0" || threads == "1") {
		return "", os.ErrProcessDone
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(boot)) + " " + string(fields[19]), nil
}

func cutLast(s, sep []byte) (before, after []byte, found bool) {
	if i := bytes.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, nil, false
}

// Bits of /proc/PID/stat's flags and of /proc/PID/status's signal masks.
const (
	flagExiting = 0x4                          // PF_EXITING
	maskKill    = 1 << (int(unix.SIGKILL) - 1) // of pending signals
)

// dying reports whether a process will run no further instruction of its own, because
// SIGKILL is pending or it is exiting.
func dying(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := cutLast(stat, []byte(") "))
	fields := bytes.Fields(rest) // from field 3, the state; field 9 has the flags
	if len(fields) < 7 || string(fields[0]) == "Z" {
		return true
	}
	if flags, err := strconv.ParseUint(string(fields[6]), 10, 64); err == nil && flags&flagExiting != 0 {
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
