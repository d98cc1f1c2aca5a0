//go:build !linux

package stack

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// startOf identifies the process behind a pid by the start time that ps prints, to the
// second. A zombie has ended.
func startOf(pid int) (string, error) {
	cmd := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid))
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		return "", os.ErrProcessDone
	}
	state, start, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if state == "" || strings.HasPrefix(state, "Z") {
		return "", os.ErrProcessDone
	}
	return strings.TrimSpace(start), nil
}

// dying is unknown here: ps lists a killed process until it is gone.
func dying(int) bool { return false }
